import type { Entry } from "../../lib/layers/entry.ts";
import { TarReader } from "../../lib/layers/tar-read.ts";
import { header, padding } from "../../lib/layers/tar-write.ts";

/** Numbers that look random and are the same in every run. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 13), 0x297a2d39) >>> 0;
    return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
  };
}

/** An entry with everything that a test does not care about. */
export function entry(path: string, more: Partial<Entry> = {}): Entry {
  return { path, kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, size: 0, at: 0, ...more };
}

/** A tar of entries, each with its content. */
export function tarOf(items: [Entry, string?][]): Buffer {
  const parts = items.flatMap(([e, text = ""]) => {
    const bytes = Buffer.from(text, "latin1");
    return [header({ ...e, size: bytes.length }), bytes, Buffer.alloc(padding(bytes.length))];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** Octal fields, checksum and all, for headers that our own writer never writes. */
export function rawHeader(fields: [offset: number, text: string | Uint8Array][]): Buffer {
  const head = Buffer.alloc(512);
  const common: [number, string][] = [
    [100, "0000644\0"],
    [108, "0000000\0"],
    [116, "0000000\0"],
    [124, "00000000000\0"],
    [136, "00000000000\0"],
    [156, "0"],
    [257, "ustar\x0000"],
  ];
  for (const [at, text] of [...common, ...fields]) Buffer.from(text as string, "latin1").copy(head, at);
  head.fill(0x20, 148, 156);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return head;
}

/** A pax header, or another header of headers, before the next entry. */
export function extra(type: string, text: string): Buffer {
  const size = `${text.length.toString(8).padStart(11, "0")}\0`;
  const data = Buffer.alloc(text.length + padding(text.length));
  data.write(text, "latin1");
  return Buffer.concat([
    rawHeader([
      [0, "extra"],
      [124, size],
      [156, type],
    ]),
    data,
  ]);
}

export function paxRecord(name: string, value: string): string {
  for (let length = 1; ; length++) {
    const record = `${length} ${name}=${value}\n`;
    if (record.length === length) return record;
  }
}

export const end = Buffer.alloc(1024);

/** Blocks of content, filled up. */
export function data(text: string): Buffer {
  const bytes = Buffer.alloc(text.length + padding(text.length));
  bytes.write(text, "latin1");
  return bytes;
}

export interface Read {
  entry: Entry;
  stored: string;
}

/** Reads a tar in pieces of the sizes that `next` gives. */
export function readAll(tar: Buffer, next: () => number = () => 1 << 20): Read[] {
  const found: Read[] = [];
  let stored: Buffer[] = [];
  const reader = new TarReader(
    () => {
      stored = [];
    },
    (bytes) => stored.push(Buffer.from(bytes)),
    (e) => found.push({ entry: e, stored: Buffer.concat(stored).toString("latin1") }),
  );
  for (let at = 0; at < tar.length; ) {
    const n = Math.max(1, next());
    reader.push(tar.subarray(at, at + n));
    at += n;
  }
  reader.close();
  return found;
}
