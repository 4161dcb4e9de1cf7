import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { packing } from "../../lib/layers/blob.ts";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { readTree } from "../../lib/layers/read-tree.ts";
import type { Tree } from "../../lib/layers/tree.ts";
import { blobPath, finishLayout, startLayout } from "../../lib/oci/layout.ts";
import { type Descriptor, type ImageConfig, sha256 } from "../../lib/oci/manifest.ts";
import { openImage } from "../../lib/oci/source.ts";

/** A folder that is gone after the tests. */
export class Place {
  readonly root = mkdtempSync(join(tmpdir(), "slipway-image-"));

  path(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

/** How layers come: as they are, gzip (two members, as pigz writes), zstd, zstd:chunked (frames that are skipped between). */
export const packings: Record<string, (tar: Buffer) => Buffer> = {
  plain: (tar) => tar,
  gzip: (tar) => Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]),
  zstd: (tar) => Bun.zstdCompressSync(tar),
  "zstd:chunked": (tar) =>
    Buffer.concat([
      skipped,
      Bun.zstdCompressSync(tar.subarray(0, 600)),
      skipped,
      Bun.zstdCompressSync(tar.subarray(600)),
      skipped,
      skipped,
    ]),
};

/**
 * Writes an image of tars as an oci folder; its configuration says that it was made at a fixed time.
 * @param more what else its configuration says
 */
export function writeImage(
  folder: string,
  tars: Buffer[],
  pack = packings.plain ?? ((t) => t),
  created = "2024-01-01T00:00:00Z",
  more: object = {},
): string {
  startLayout(folder);
  const layers = tars.map((tar): Descriptor => {
    const blob = pack(tar);
    const digest = sha256(blob);
    writeFileSync(blobPath(folder, digest), blob);
    return { mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: blob.length };
  });
  const config: ImageConfig = {
    created,
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: tars.map(sha256) },
  };
  finishLayout(folder, { os: "linux", config: {}, ...config, ...more } as ImageConfig, { schemaVersion: 2, layers });
  return folder;
}

/** Unpacked as whoever made the image would: what cannot be unpacked is named by what it is. */
function plain(blob: Buffer): Buffer {
  try {
    const kind = packing(blob);
    return kind === "gzip" ? gunzipSync(blob) : kind === "zstd" ? zstdDecompressSync(blob) : blob;
  } catch {
    return blob;
  }
}

/** Writes an image of any blobs as an oci folder; its configuration says of each what is in it. */
export function writeBlobs(folder: string, blobs: Buffer[]): string {
  startLayout(folder);
  const layers = blobs.map((blob): Descriptor => {
    const digest = sha256(blob);
    writeFileSync(blobPath(folder, digest), blob);
    return { mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: blob.length };
  });
  const rootfs = { type: "layers" as const, diff_ids: blobs.map((blob) => sha256(plain(blob))) };
  finishLayout(folder, { architecture: "amd64", rootfs }, { schemaVersion: 2, layers });
  return folder;
}

/** The file tree of an image, by any of its names. */
export async function treeOf(name: string, work: string): Promise<Tree> {
  const pool = new LayerPool(2);
  try {
    mkdirSync(work, { recursive: true });
    return (await readTree(await openImage(name, { work }), pool, work)).tree;
  } finally {
    pool.close();
  }
}
