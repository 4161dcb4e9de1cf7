/** A layer's tar, as both writers of layers make it: entries, and contents out of the tars that hold them. */
import { closeSync, openSync, readSync } from "node:fs";
import type { Entry } from "./entry.ts";

/** An entry of a layer to be written, with the tar that holds its content. */
export interface Piece extends Entry {
  /** Index into the tars of the job; absent where there is no content. */
  tar?: number;
}

export interface WrittenLayer {
  digest: string;
  size: number;
  diffId: string;
  plainSize: number;
  /** Where the layer's table of contents is. */
  annotations?: Record<string, string>;
}

/** How layers are packed. */
export interface LayerPacking {
  /** `zstd` is one frame a layer, the only form of it that every reader takes. */
  compression: "zstd:chunked" | "zstd" | "gzip";
  /** As the compressor counts. */
  level: number;
}

/** How layers are packed where nobody says anything else. */
export const usualPacking: LayerPacking = { compression: "zstd:chunked", level: 3 };

/** Contents pass through a buffer of this size. What is compressed depends on it, so it never changes. */
const frame = 2 << 20;

/** Bytes that come in pieces and leave as frames. */
export class Filling {
  private readonly buffer = Buffer.allocUnsafeSlow(frame);
  private fill = 0;

  constructor(private readonly full: (bytes: Uint8Array) => void) {}

  flush(): void {
    this.full(this.buffer.subarray(0, this.fill));
    this.fill = 0;
  }

  /** Room for some of `length` bytes, which `take` writes: how many it says. */
  take(length: number, take: (room: Buffer, done: number) => number): void {
    for (let done = 0; done < length; ) {
      if (this.fill === frame) this.flush();
      const most = Math.min(frame - this.fill, length - done);
      const n = take(this.buffer.subarray(this.fill, this.fill + most), done);
      this.fill += n;
      done += n;
    }
  }

  put(bytes: Uint8Array): void {
    this.take(bytes.length, (room, done) => {
      room.set(bytes.subarray(done, done + room.length));
      return room.length;
    });
  }

  zeros(length: number): void {
    this.take(length, (room) => room.fill(0).length);
  }
}

/** Reads contents out of the tars that hold them. */
export class Tars {
  private readonly fds = new Map<number, number>();

  constructor(private readonly paths: string[]) {}

  /** @throws Error for a tar that ends too early */
  copy(tar: number, from: number, length: number, into: Filling): void {
    const path = this.paths[tar] ?? "";
    const fd = this.fds.get(tar) ?? openSync(path, "r");
    this.fds.set(tar, fd);
    into.take(length, (room, done) => {
      const n = readSync(fd, room, 0, room.length, from + done);
      if (n === 0) throw new Error(`${path} became shorter while it was read`);
      return n;
    });
  }

  close(): void {
    for (const fd of this.fds.values()) closeSync(fd);
  }
}

/** A part of a file's content, of at most a buffer: where it is in its tar, or how long a hole is. */
interface Step {
  from?: number;
  length: number;
}

function* steps({ parts, at, size }: Piece): Generator<Step> {
  const cut = function* (length: number, from?: number): Generator<Step> {
    for (let done = 0; done < length; done += frame)
      yield { length: Math.min(frame, length - done), ...(from === undefined ? {} : { from: from + done }) };
  };
  if (!parts) return yield* cut(size, at);
  let end = 0;
  let from = at;
  for (const [start, length] of parts) {
    yield* cut(start - end);
    yield* cut(length, from);
    from += length;
    end = start + length;
  }
  yield* cut(size - end);
}

/** A file's content, holes written out. @returns what fills the buffer a little more, each time it is asked */
export function* content(piece: Piece, tar: number, tars: Tars, into: Filling): Generator<void> {
  for (const { from, length } of steps(piece)) {
    if (from === undefined) into.zeros(length);
    else tars.copy(tar, from, length, into);
    yield;
  }
}
