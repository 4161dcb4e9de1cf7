import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { Chunked, type Content } from "./chunked.ts";
import { Crc64 } from "./crc64.ts";
import type { Entry } from "./entry.ts";
import { Garbage } from "./garbage.ts";
import { endMark, header, padding } from "./tar-write.ts";

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

/**
 * The compressor's settings. What stands between contents is a frame, and every content is frames of its own: of a fixed size,
 * each compressed by itself, so that the bytes depend on the tar alone, not on how it came in pieces.
 */
const level = 3;
const frame = 2 << 20;

/** A layer's blob as it grows: bytes of the tar go in, frames come out, both are hashed. */
class Blob {
  size = 0;
  plainSize = 0;
  private readonly fd: number;
  private readonly plainHash = new Bun.CryptoHasher("sha256");
  private readonly packedHash = new Bun.CryptoHasher("sha256");
  private readonly garbage = new Garbage(32 << 20);

  constructor(path: string) {
    this.fd = openSync(path, "w");
  }

  /** Bytes of the tar, as one frame. */
  frame(plain: Uint8Array): void {
    if (plain.length === 0) return;
    this.plainHash.update(plain);
    this.plainSize += plain.length;
    const packed = Bun.zstdCompressSync(plain, { level });
    this.garbage.add(packed.length);
    this.put(packed);
  }

  /** Bytes as they are. */
  put(bytes: Uint8Array): void {
    this.packedHash.update(bytes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at);
    this.size += bytes.length;
  }

  done(annotations: Record<string, string> | undefined): WrittenLayer {
    return {
      digest: `sha256:${this.packedHash.digest("hex")}`,
      size: this.size,
      diffId: `sha256:${this.plainHash.digest("hex")}`,
      plainSize: this.plainSize,
      ...(annotations ? { annotations } : {}),
    };
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Bytes that come in pieces and leave as frames. */
class Filling {
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
class Tars {
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

/** A file's content, holes written out. */
function content(piece: Piece, tar: number, tars: Tars, into: Filling): void {
  if (!piece.parts) {
    tars.copy(tar, piece.at, piece.size, into);
    return;
  }
  let at = 0;
  let from = piece.at;
  for (const [start, length] of piece.parts) {
    into.zeros(start - at);
    tars.copy(tar, from, length, into);
    from += length;
    at = start + length;
  }
  into.zeros(piece.size - at);
}

/** Writes a layer's tar, hashed and compressed on the way, with a table of its contents behind it. */
export function writeLayer(pieces: Iterable<Piece>, tars: string[], path: string): WrittenLayer {
  const blob = new Blob(path);
  const chunked = new Chunked(path, level);
  const sources = new Tars(tars);
  let crc = new Crc64();
  const between = new Filling((bytes) => blob.frame(bytes));
  const inside = new Filling((bytes) => {
    crc.update(bytes);
    blob.frame(bytes);
  });
  let pad = 0;
  try {
    for (const piece of pieces) {
      const head = Buffer.concat([Buffer.alloc(pad), header(piece)]);
      between.put(head);
      pad = 0;
      let place: Content | undefined;
      if (piece.kind === "file" && piece.tar !== undefined && piece.size > 0) {
        between.flush();
        crc = new Crc64();
        const from = blob.size;
        content(piece, piece.tar, sources, inside);
        inside.flush();
        place = { from, to: blob.size, crc: crc.digest() };
        pad = padding(piece.size);
      }
      chunked.add(piece, head, place);
    }
    const rest = Buffer.alloc(pad + endMark);
    between.put(rest);
    between.flush();
    return blob.done(chunked.finish(rest, blob.size, (bytes) => blob.put(bytes)));
  } finally {
    blob.close();
    chunked.close();
    sources.close();
  }
}
