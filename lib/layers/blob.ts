import { closeSync, readSync } from "node:fs";
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { openRegular } from "../system/regular-file.ts";

/** How a blob is packed; its first bytes say so, whatever its media type says. */
export type Packing = "gzip" | "zstd" | "none";

const piece = 256 << 10;

/** zstd:chunked is zstd: its table of contents stands in frames that every decoder skips. */
export function packing(head: Uint8Array): Packing {
  const [a, b, c, d] = head;
  if (a === 0x1f && b === 0x8b) return "gzip";
  const isSkipped = a !== undefined && (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18;
  return isSkipped || (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) ? "zstd" : "none";
}

export function packingOf(path: string): Packing {
  const { fd } = openRegular(path);
  try {
    const head = Buffer.alloc(4);
    return packing(head.subarray(0, readSync(fd, head, 0, 4, 0)));
  } finally {
    closeSync(fd);
  }
}

/** A blob whose bytes are not what its packing promises; `offset` counts bytes of the blob. */
export class BlobError extends Error {
  constructor(
    readonly what: string,
    readonly offset: number,
  ) {
    super(`${what} at byte ${offset}`);
  }
}

/**
 * Reads a blob through, unpacked on the way; one piece is in memory, whatever the size.
 * @param raw told the bytes as they lie in the file.
 * @param plain told the bytes of the tar; pieces are only good during the call.
 * @throws BlobError
 */
export async function readBlob(
  path: string,
  raw: (bytes: Uint8Array) => void,
  plain: (bytes: Uint8Array) => void,
): Promise<void> {
  const kind = packingOf(path);
  const { fd } = openRegular(path);
  const buffer = Buffer.allocUnsafe(piece);
  const next = () => buffer.subarray(0, readSync(fd, buffer, 0, piece, null));
  try {
    if (kind === "none") {
      for (let bytes = next(); bytes.length; bytes = next()) {
        raw(bytes);
        plain(bytes);
      }
      return;
    }
    const unpack: Transform =
      kind === "gzip" ? createGunzip({ chunkSize: piece }) : createZstdDecompress({ chunkSize: 128 << 10 });
    await through(unpack, next, raw, plain);
  } finally {
    closeSync(fd);
  }
}

function through(
  unpack: Transform,
  next: () => Buffer,
  raw: (bytes: Uint8Array) => void,
  plain: (bytes: Uint8Array) => void,
): Promise<void> {
  let offset = 0;
  return new Promise((done, fail) => {
    const stop = (error: unknown) => {
      unpack.destroy();
      fail(error);
    };
    unpack.on("error", (error: Error) => stop(new BlobError(`cannot be unpacked (${error.message})`, offset)));
    unpack.on("end", done);
    unpack.on("data", (bytes: Buffer) => {
      try {
        plain(bytes);
      } catch (error) {
        stop(error);
      }
    });
    const feed = () => {
      try {
        for (;;) {
          const bytes = next();
          if (bytes.length === 0) {
            unpack.end();
            return;
          }
          raw(bytes);
          offset += bytes.length;
          // the stream keeps what it is given, and `bytes` is read into again
          if (!unpack.write(Buffer.from(bytes))) {
            unpack.once("drain", feed);
            return;
          }
        }
      } catch (error) {
        stop(error);
      }
    };
    feed();
  });
}
