/**
 * The fields of a tar header that say a number.
 * Sources: POSIX ustar; the GNU tar manual, "Basic Tar Format" (base-256).
 */

/** What is wrong with an archive; the reader, who knows the offset, makes a TarError of it. */
export class TarMistake extends Error {}

/** A whole number as pax writes it: digits and nothing else, unlike JavaScript's "0x10", " 16" and "1e3". */
export function decimal(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Seconds as pax writes them, maybe before 1970 and with a fraction, which is cut off downwards. */
export function seconds(text: string): number {
  const value = /^-?\d{1,16}(\.\d{0,40})?$/.test(text) ? Math.floor(Number(text)) : Number.NaN;
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Octal digits, maybe with blanks around; or, with the first bit set, the bytes as one big-endian two's complement. */
export function readNumber(block: Uint8Array, at: number, length: number): number {
  const first = block[at] ?? 0;
  if (first & 0x80) return readBase256(block, at, length);
  let value = 0;
  let digits = false;
  for (let i = at; i < at + length; i++) {
    const c = block[i] ?? 0;
    if (c >= 0x30 && c <= 0x37) {
      value = value * 8 + (c - 0x30);
      digits = true;
    } else if (c === 0x20 || c === 0) {
      if (digits) break;
    } else return Number.NaN;
  }
  return value;
}

function readBase256(block: Uint8Array, at: number, length: number): number {
  const negative = ((block[at] ?? 0) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (let i = at; i < at + length; i++) {
    const byte = BigInt(i === at ? ((block[i] ?? 0) & 0x7f) | (negative ? 0x80 : 0) : (block[i] ?? 0));
    value = (value << 8n) | byte;
  }
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

/** Octal with a closing NUL; undefined where it does not fit. */
export function octal(value: number, length: number): string | undefined {
  if (value < 0) return undefined;
  const text = value.toString(8);
  return text.length < length ? text.padStart(length - 1, "0") : undefined;
}

/** The checksum counts its own field as blanks; some old writers took bytes as signed. */
export function sumFits(head: Uint8Array): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < head.length; i++) {
    const byte = i >= 148 && i < 156 ? 32 : (head[i] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stated = readNumber(head, 148, 8);
  return stated === unsigned || stated === signed;
}
