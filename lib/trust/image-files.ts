import { closeSync, mkdirSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packingOf, readBlob } from "../layers/blob.ts";
import { byteString, shown } from "../layers/entry.ts";
import { LayerPool } from "../layers/layer-pool.ts";
import { layerName } from "../layers/read-tree.ts";
import { Tree } from "../layers/tree.ts";
import { blobPath } from "../oci/layout.ts";
import { mostUnpacked } from "../oci/limits.ts";
import type { Manifest } from "../oci/manifest.ts";
import { exit, Failure } from "../system/errors.ts";
import { openRegular } from "../system/regular-file.ts";

/** A few small files of an image, found by path as the image itself would find them: its links stay inside it. */
export class ImageFiles {
  private constructor(
    private readonly tree: Tree,
    private readonly blobs: string[],
  ) {}

  /**
   * Reads through all layers; only names are kept.
   * @param folder an oci folder, or one with its blobs. @param work a folder that is made, and gone afterwards.
   * @throws Failure naming the layer and the offset of what is broken
   */
  static async open(folder: string, { layers }: Manifest, work: string): Promise<ImageFiles> {
    const tree = new Tree();
    const pool = new LayerPool();
    let left = mostUnpacked(layers.reduce((sum, { size }) => sum + size, 0));
    mkdirSync(work, { recursive: true });
    try {
      const blobs: string[] = [];
      for (const [n, descriptor] of layers.entries()) {
        const blob = blobPath(folder, descriptor.digest);
        const what = layerName(n, descriptor);
        closeSync(openRegular(blob, folder).fd);
        const { index, entries } = await pool.index(what, blob, join(work, `${n}`), left, false);
        left -= index.plainSize;
        if (index.digest !== descriptor.digest) throw new Failure(exit.failed, `${what}: it does not hash to its name`);
        await tree.apply(entries, n);
        rmSync(entries.path);
        blobs.push(blob);
      }
      return new ImageFiles(tree, blobs);
    } finally {
      pool.close();
      rmSync(work, { recursive: true, force: true });
    }
  }

  /** The names in a folder. */
  names(path: string): string[] {
    const folder = this.tree.lookup(byteString(path.slice(1)), true);
    return folder ? this.tree.children(folder).map((name) => shown(this.tree.nameOf(name))) : [];
  }

  /** The node of a file by absolute path; 0 where there is none. */
  private file(path: string): number {
    const node = path.startsWith("/") ? this.tree.node(this.tree.lookup(byteString(path.slice(1)), true)) : 0;
    return node && this.tree.nodes.kind(node) === "file" ? node : 0;
  }

  has(path: string): boolean {
    return this.file(path) !== 0;
  }

  /**
   * Contents by path; a path without a file is left out.
   * @throws Failure for a file of more than `most` bytes
   */
  async contents(paths: string[], most: number): Promise<Map<string, Buffer>> {
    const { nodes } = this.tree;
    const found = new Map<string, Buffer>();
    const byNode = new Map<number, string[]>();
    for (const path of paths) {
      const node = this.file(path);
      if (!node) continue;
      if (nodes.size(node) > most)
        throw new Failure(exit.failed, `${path} of the image has ${nodes.size(node)} bytes, more than ${most}`);
      byNode.set(node, [...(byNode.get(node) ?? []), path]);
    }
    for (const [layer, blob] of this.blobs.entries()) {
      const here = [...byNode.keys()]
        .filter((node) => nodes.tar(node) === layer)
        .sort((a, b) => nodes.at(a) - nodes.at(b));
      const pieces = here.map((node): Piece => ({ at: nodes.at(node), bytes: Buffer.alloc(this.stored(node)) }));
      await readPieces(blob, pieces);
      for (const [i, node] of here.entries())
        for (const path of byNode.get(node) ?? [])
          found.set(path, this.whole(node, pieces[i]?.bytes ?? Buffer.alloc(0)));
    }
    return found;
  }

  private stored(node: number): number {
    const parts = this.tree.nodes.partsOf(node);
    return parts ? parts.reduce((sum, [, length]) => sum + length, 0) : this.tree.nodes.size(node);
  }

  /** With its holes. */
  private whole(node: number, stored: Buffer): Buffer {
    const parts = this.tree.nodes.partsOf(node);
    if (!parts) return stored;
    const whole = Buffer.alloc(this.tree.nodes.size(node));
    let from = 0;
    for (const [at, length] of parts) from += stored.copy(whole, at, from, from + length);
    return whole;
  }
}

/** Bytes of a layer's tar, by where they begin. */
interface Piece {
  at: number;
  bytes: Buffer;
}

/** Ends the reading of a layer of which nothing more is wanted. */
class Enough extends Error {}

/** Fills pieces, which are sorted, from a layer that was read before. */
async function readPieces(blob: string, pieces: Piece[]): Promise<void> {
  const end = Math.max(0, ...pieces.map(({ at, bytes }) => at + bytes.length));
  if (end === 0) return;
  if (packingOf(blob) === "none") {
    const { fd } = openRegular(blob);
    for (const { at, bytes } of pieces) readSync(fd, bytes, 0, bytes.length, at);
    closeSync(fd);
    return;
  }
  let offset = 0;
  const take = (chunk: Uint8Array) => {
    for (const { at, bytes } of pieces)
      if (at < offset + chunk.length && at + bytes.length > offset)
        bytes.set(chunk.subarray(Math.max(0, at - offset), at + bytes.length - offset), Math.max(0, offset - at));
    offset += chunk.length;
    if (offset >= end) throw new Enough();
  };
  await readBlob(blob, () => undefined, take).catch((error: unknown) => {
    if (!(error instanceof Enough)) throw error;
  });
}
