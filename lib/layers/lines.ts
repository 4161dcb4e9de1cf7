/**
 * Lists on disk, an entry a line, as JSON. An image's entries go from thread to thread this way: a list of half a million is
 * not in memory, neither as objects nor as text. ByteStrings are written a byte a character.
 */

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { Garbage } from "./garbage.ts";
import { inTurns } from "./turns.ts";

const piece = 256 << 10;
const newline = 0x0a;

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
}

export class LineWriter<T> {
  private readonly fd: number;
  private readonly buffer = Buffer.allocUnsafe(piece);
  private fill = 0;
  private readonly garbage = new Garbage();

  constructor(readonly path: string) {
    this.fd = openSync(path, "w");
  }

  add(value: T): void {
    const line = `${JSON.stringify(value)}\n`;
    if (this.fill + line.length > piece) this.flush();
    if (line.length > piece) writeWhole(this.fd, Buffer.from(line, "latin1"));
    else this.fill += this.buffer.write(line, this.fill, "latin1");
  }

  private flush(): void {
    writeWhole(this.fd, this.buffer.subarray(0, this.fill));
    this.garbage.add(this.fill);
    this.fill = 0;
  }

  close(): void {
    try {
      this.flush();
    } finally {
      closeSync(this.fd);
    }
  }
}

/** Writes a whole list. */
export async function writeLines<T>(path: string, values: Iterable<T>): Promise<void> {
  const out = new LineWriter<T>(path);
  try {
    await inTurns(values, (value) => out.add(value));
  } finally {
    out.close();
  }
}

/** A list that was written by us; it can be gone through again and again. */
export class Lines<T> implements Iterable<T> {
  constructor(readonly path: string) {}

  *[Symbol.iterator](): Generator<T> {
    const fd = openSync(this.path, "r");
    let buffer = Buffer.allocUnsafe(piece);
    let have = 0;
    const garbage = new Garbage();
    try {
      for (;;) {
        if (have === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
        const n = readSync(fd, buffer, have, buffer.length - have, null);
        if (n === 0) return;
        const until = have + n;
        let from = 0;
        for (let end = buffer.indexOf(newline, have); end >= 0 && end < until; end = buffer.indexOf(newline, from)) {
          yield JSON.parse(buffer.toString("latin1", from, end)) as T;
          from = end + 1;
        }
        buffer.copyWithin(0, from, until);
        have = until - from;
        garbage.add(from);
      }
    } finally {
      closeSync(fd);
    }
  }
}
