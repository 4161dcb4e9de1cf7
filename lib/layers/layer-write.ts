import { closeSync, openSync, writeSync } from "node:fs";
import { Chunked, type Content } from "./chunked.ts";
import { Crc64 } from "./crc64.ts";
import { Garbage } from "./garbage.ts";
import { content, Filling, type Piece, Tars, type WrittenLayer } from "./layer-tar.ts";
import { endMark, header, padding } from "./tar-write.ts";

/**
 * A layer as zstd:chunked. What stands between contents is a frame, and every content is frames of its own: of a fixed size, each
 * compressed by itself, so that the bytes depend on the tar alone, not on how it came in pieces.
 */

/** A layer's blob as it grows: bytes of the tar go in, frames come out, both are hashed. */
class Blob {
  size = 0;
  plainSize = 0;
  private readonly fd: number;
  private readonly plainHash = new Bun.CryptoHasher("sha256");
  private readonly packedHash = new Bun.CryptoHasher("sha256");
  private readonly garbage = new Garbage(32 << 20);

  constructor(
    path: string,
    private readonly level: number,
  ) {
    this.fd = openSync(path, "w");
  }

  /** Bytes of the tar, as one frame. */
  frame(plain: Uint8Array): void {
    if (plain.length === 0) return;
    this.plainHash.update(plain);
    this.plainSize += plain.length;
    const packed = Bun.zstdCompressSync(plain, { level: this.level });
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

/** Writes a layer's tar, hashed and compressed on the way, with a table of its contents behind it. */
export function writeChunked(pieces: Iterable<Piece>, tars: string[], path: string, level: number): WrittenLayer {
  const blob = new Blob(path, level);
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
        for (const _ of content(piece, piece.tar, sources, inside));
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
