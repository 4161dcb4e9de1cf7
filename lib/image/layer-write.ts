import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { Entry } from "./entry.ts";
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
}

/**
 * The compressor's settings. Frames of a fixed size, each compressed by itself: the bytes depend on the tar alone, not on
 * how it came in pieces, and 8 MiB of it are in memory. A frame is four windows of this level long, so little is lost.
 */
const level = 3;
const frame = 8 << 20;

/** Writes a layer's tar, hashed and compressed on the way. */
export function writeLayer(pieces: Iterable<Piece>, tars: string[], path: string): WrittenLayer {
  const out = openSync(path, "w");
  const fds = new Map<number, number>();
  const plainHash = new Bun.CryptoHasher("sha256");
  const packedHash = new Bun.CryptoHasher("sha256");
  const buffer = Buffer.allocUnsafe(frame);
  let fill = 0;
  let size = 0;
  let plainSize = 0;

  const flush = () => {
    if (fill === 0) return;
    const plain = buffer.subarray(0, fill);
    plainHash.update(plain);
    plainSize += fill;
    const packed = Bun.zstdCompressSync(plain, { level });
    packedHash.update(packed);
    for (let at = 0; at < packed.length; ) at += writeSync(out, packed, at);
    size += packed.length;
    fill = 0;
  };
  const room = () => {
    if (fill === frame) flush();
    return frame - fill;
  };
  const put = (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length; ) {
      const n = Math.min(room(), bytes.length - at);
      buffer.set(bytes.subarray(at, at + n), fill);
      fill += n;
      at += n;
    }
  };
  const zeros = (count: number) => {
    for (let left = count; left > 0; ) {
      const n = Math.min(room(), left);
      buffer.fill(0, fill, fill + n);
      fill += n;
      left -= n;
    }
  };
  const copy = (tar: number, from: number, length: number) => {
    let fd = fds.get(tar);
    if (fd === undefined) {
      fd = openSync(tars[tar] ?? "", "r");
      fds.set(tar, fd);
    }
    for (let done = 0; done < length; ) {
      const most = Math.min(room(), length - done);
      const n = readSync(fd, buffer, fill, most, from + done);
      if (n === 0) throw new Error(`${tars[tar]} became shorter while it was read`);
      fill += n;
      done += n;
    }
  };

  try {
    for (const piece of pieces) {
      put(header(piece));
      if (piece.kind !== "file" || piece.tar === undefined) continue;
      if (piece.parts) {
        let at = 0;
        let from = piece.at;
        for (const [start, length] of piece.parts) {
          zeros(start - at);
          copy(piece.tar, from, length);
          from += length;
          at = start + length;
        }
        zeros(piece.size - at);
      } else copy(piece.tar, piece.at, piece.size);
      zeros(padding(piece.size));
    }
    zeros(endMark);
    flush();
  } finally {
    closeSync(out);
    for (const fd of fds.values()) closeSync(fd);
  }
  return { digest: `sha256:${packedHash.digest("hex")}`, size, diffId: `sha256:${plainHash.digest("hex")}`, plainSize };
}
