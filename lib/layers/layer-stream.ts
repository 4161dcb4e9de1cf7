import { closeSync, openSync, writeSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { content, Filling, type LayerPacking, type Piece, Tars, type WrittenLayer } from "./layer-tar.ts";
import { endMark, header, padding } from "./tar-write.ts";

/**
 * A layer as one stream: gzip, or one frame of zstd. bootc's composefs backend reads no more than the first frame of a layer (1.16,
 * bootc issue 2408), and Rust's readers refuse windows of more than 2^27 bytes, which no level of zstd has.
 */

const hardestGzip = 9;

function compressor({ compression, level }: LayerPacking) {
  if (compression === "gzip") return createGzip({ level: Math.min(level, hardestGzip) });
  return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
}

/** The tar, in buffers of one size, so that the same tar gives the same bytes. */
function* tarOf(pieces: Iterable<Piece>, sources: Tars): Generator<Buffer> {
  const full: Buffer[] = [];
  const buffer = new Filling((bytes) => full.push(Buffer.from(bytes)));
  for (const piece of pieces) {
    buffer.put(header(piece));
    if (piece.kind === "file" && piece.tar !== undefined) {
      for (const _ of content(piece, piece.tar, sources, buffer)) yield* full.splice(0);
      buffer.zeros(padding(piece.size));
    }
    yield* full.splice(0);
  }
  buffer.zeros(endMark);
  buffer.flush();
  yield* full;
}

/** Writes a layer, hashed and compressed on the way. */
export async function writeStream(
  pieces: Iterable<Piece>,
  tars: string[],
  path: string,
  packing: LayerPacking,
): Promise<WrittenLayer> {
  const sources = new Tars(tars);
  const [plainHash, hash] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
  let [plainSize, size] = [0, 0];
  const fd = openSync(path, "w");
  try {
    await pipeline(
      async function* () {
        for (const bytes of tarOf(pieces, sources)) {
          plainHash.update(bytes);
          plainSize += bytes.length;
          yield bytes;
        }
      },
      compressor(packing),
      async (packed: AsyncIterable<Buffer>) => {
        for await (const bytes of packed) {
          hash.update(bytes);
          for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
          size += bytes.length;
        }
      },
    );
  } finally {
    closeSync(fd);
    sources.close();
  }
  const [digest, diffId] = [hash, plainHash].map((h) => `sha256:${h.digest("hex")}`) as [string, string];
  return { digest, size, diffId, plainSize };
}
