/**
 * CRC-64 as ISO 3309 has it, which tar-split keeps of every file. Its polynomial, x⁶⁴ + x⁴ + x³ + x + 1, has so few terms that
 * eight bytes are taken at once by shifts: multiplying by x⁶⁴ is multiplying by x⁴ + x³ + x + 1, and only the four bits that
 * this pushes out need a table. Bits are reflected: the highest power is the lowest bit.
 */

/** x⁴ + x³ + x + 1, reflected, in the upper half. */
const polynomial = 0xd8000000 | 0;

/** What bits that were pushed out come back as, in the upper half. */
const pushedOut = Int32Array.from({ length: 16 }, (_, low) => {
  let [lo, hi] = [low, 0];
  for (let bit = 0; bit < 64; bit++) {
    const out = lo & 1;
    lo = (lo >>> 1) | (hi << 31);
    hi = (hi >>> 1) ^ (out ? polynomial : 0);
  }
  return hi;
});

/** By byte, as any CRC has it; for what is left of eight. */
const byByte = Array.from({ length: 256 }, (_, byte) => {
  let [lo, hi] = [byte, 0];
  for (let bit = 0; bit < 8; bit++) {
    const out = lo & 1;
    lo = (lo >>> 1) | (hi << 31);
    hi = (hi >>> 1) ^ (out ? polynomial : 0);
  }
  return [lo, hi] as const;
});

export class Crc64 {
  private lo = -1;
  private hi = -1;

  /** @param bytes begin at a multiple of four in their buffer; pieces but the last are a multiple of eight long. */
  update(bytes: Uint8Array): void {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, (bytes.length >>> 3) * 2);
    let { lo, hi } = this;
    for (let i = 0; i < words.length; i += 2) {
      const a = lo ^ (words[i] ?? 0);
      const b = hi ^ (words[i + 1] ?? 0);
      lo = a ^ ((a >>> 1) | (b << 31)) ^ ((a >>> 3) | (b << 29)) ^ ((a >>> 4) | (b << 28));
      hi = b ^ (b >>> 1) ^ (b >>> 3) ^ (b >>> 4) ^ (pushedOut[a & 15] ?? 0);
    }
    for (let i = words.length * 4; i < bytes.length; i++) {
      const [l, h] = byByte[(lo ^ (bytes[i] ?? 0)) & 255] ?? [0, 0];
      lo = ((lo >>> 8) | (hi << 24)) ^ l;
      hi = (hi >>> 8) ^ h;
    }
    this.lo = lo;
    this.hi = hi;
  }

  /** Big-endian. */
  digest(): Buffer {
    const sum = Buffer.alloc(8);
    sum.writeInt32BE(~this.hi, 0);
    sum.writeInt32BE(~this.lo, 4);
    return sum;
  }
}
