/**
 * Tables of numbers and texts outside of the garbage collector's heap. An image has hundreds of thousands of files; as objects
 * each would cost half a kilobyte, here it costs a tenth.
 */
import type { ByteString } from "./entry.ts";

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Rows come in pieces of this many, so that a table grows without being copied. */
const shift = 14;
const rows = 1 << shift;

/** A column of numbers; a row that was never set is 0. */
export class Column {
  private readonly pieces: Numbers[] = [];

  constructor(private readonly make: (rows: number) => Numbers) {}

  get(row: number): number {
    return this.pieces[row >>> shift]?.[row & (rows - 1)] ?? 0;
  }

  set(row: number, value: number): void {
    const piece = row >>> shift;
    while (this.pieces.length <= piece) this.pieces.push(this.make(rows));
    const numbers = this.pieces[piece];
    if (numbers) numbers[row & (rows - 1)] = value;
  }
}

export const columns = {
  u8: () => new Column((n) => new Uint8Array(n)),
  u16: () => new Column((n) => new Uint16Array(n)),
  u32: () => new Column((n) => new Uint32Array(n)),
  f64: () => new Column((n) => new Float64Array(n)),
};

/** Finds rows by a hash of theirs: open addressing, never more than half full. Row 0 is never found. */
export class Lookup {
  private slots = new Uint32Array(1 << 10);
  private count = 0;

  /** @param hashOf of a row that was added before. */
  constructor(private readonly hashOf: (row: number) => number) {}

  find(hash: number, is: (row: number) => boolean): number {
    const mask = this.slots.length - 1;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = this.slots[at] ?? 0;
      if (row === 0 || is(row)) return row;
    }
  }

  add(row: number): void {
    if (++this.count * 2 > this.slots.length) {
      const old = this.slots;
      this.slots = new Uint32Array(old.length * 2);
      for (const known of old) if (known) this.put(known);
    }
    this.put(row);
  }

  private put(row: number): void {
    const mask = this.slots.length - 1;
    let at = this.hashOf(row) & mask;
    while (this.slots[at]) at = (at + 1) & mask;
    this.slots[at] = row;
  }
}

/** Spreads a number's bits, so that neighbours do not lie side by side. */
export function mixed(a: number, b: number): number {
  let h = Math.imul(a ^ (b >>> 15), 0x2c1b3c6d) ^ Math.imul(b + 0x9e3779b9, 0x297a2d39);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

function hashText(text: ByteString): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mixed(h, text.length);
}

const pool = 1 << 18;

/** Texts, each kept once. Number 0 is the empty one. */
export class Texts {
  private readonly pools: Buffer[] = [];
  private fill = pool;
  private count = 0;
  /** Of all of them. */
  bytes = 0;
  private readonly place = columns.u32();
  private readonly offset = columns.u32();
  private readonly size = columns.u32();
  private readonly hash = columns.u32();
  private readonly lookup = new Lookup((row) => this.hash.get(row));

  private is(row: number, text: ByteString, hash: number): boolean {
    if (this.hash.get(row) !== hash || this.size.get(row) !== text.length) return false;
    const bytes = this.pools[this.place.get(row)];
    for (let i = 0, at = this.offset.get(row); i < text.length; i++, at++)
      if (bytes?.[at] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** The number of a text that was kept; 0 for one that was not. */
  find(text: ByteString, hash = hashText(text)): number {
    return text === "" ? 0 : this.lookup.find(hash, (row) => this.is(row, text, hash));
  }

  /** The text's number; a new one for a new text. */
  id(text: ByteString): number {
    const hash = hashText(text);
    const known = this.find(text, hash);
    if (known || text === "") return known;
    const row = ++this.count;
    if (this.fill + text.length > pool) {
      this.pools.push(Buffer.allocUnsafeSlow(Math.max(pool, text.length)));
      this.fill = 0;
    }
    this.pools.at(-1)?.write(text, this.fill, "latin1");
    this.place.set(row, this.pools.length - 1);
    this.offset.set(row, this.fill);
    this.size.set(row, text.length);
    this.hash.set(row, hash);
    this.fill += text.length;
    this.bytes += text.length;
    this.lookup.add(row);
    return row;
  }

  get(id: number): ByteString {
    if (id === 0) return "";
    const from = this.offset.get(id);
    return this.pools[this.place.get(id)]?.toString("latin1", from, from + this.size.get(id)) ?? "";
  }
}
