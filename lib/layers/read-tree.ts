import { rmSync } from "node:fs";
import { join } from "node:path";
import { mostUnpacked, raise } from "../oci/limits.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { Image } from "../oci/source.ts";
import { exit, Failure } from "../system/errors.ts";
import type { Entry } from "./entry.ts";
import type { LayerIndex } from "./layer-index.ts";
import type { LayerPool } from "./layer-pool.ts";
import type { Lines } from "./lines.ts";
import { Tree, TreeError } from "./tree.ts";

/** An image's layers, read through. */
export interface ReadImage {
  tree: Tree;
  /** By layer: a file with its tar, where contents are. */
  tars: string[];
  layers: LayerIndex[];
  /** Bytes of all the layers' tars. */
  plainSize: number;
}

const damaged = "the image is broken: build or pull it again; nothing was changed";

/** A layer's short name in messages. */
export function layerName(number: number, { digest }: Descriptor): string {
  return `layer ${number + 1} (${digest.slice(0, 19)}…)`;
}

/** How many bytes an image's layers may unpack to. */
function mostOf(image: Image): number {
  return mostUnpacked(image.manifest.layers.reduce((sum, { size }) => sum + size, 0));
}

/**
 * Reads one layer and compares it with what the image says about it.
 * @param unpacked how many bytes it may come to.
 * @throws Failure naming the layer and the offset.
 */
export async function readLayer(
  image: Image,
  number: number,
  pool: LayerPool,
  work: string,
  unpacked = mostOf(image),
): Promise<{ entries: Lines<Entry>; index: LayerIndex }> {
  const descriptor = image.manifest.layers[number];
  if (!descriptor) throw new Failure(exit.failed, `${image.name} has no layer ${number + 1}`);
  const what = `${image.name}: ${layerName(number, descriptor)}`;
  const blob = await image.layer(descriptor);
  const { index, entries } = await pool.index(
    what,
    blob,
    join(work, `${number}-${descriptor.digest.slice(7)}.tar`),
    unpacked,
  );
  const tried = (name: string, stated: string, is: string) => [`${name} stated: ${stated}`, `${name} found: ${is}`];
  if (index.digest !== descriptor.digest)
    throw new Failure(exit.failed, `${what}: changed or cut off before byte ${index.size}`, {
      tried: tried("digest", descriptor.digest, index.digest),
      next: damaged,
    });
  const diffId = image.config.rootfs.diff_ids[number];
  if (diffId !== index.diffId)
    throw new Failure(exit.failed, `${what}: its content is not the one that the configuration names`, {
      tried: tried("diff_id", diffId ?? "none", index.diffId),
      next: damaged,
    });
  return { entries, index };
}

/** Reads all layers, several at a time, and lays them over each other. */
export async function readTree(
  image: Image,
  pool: LayerPool,
  work: string,
  progress: (done: number, of: number) => void = () => undefined,
): Promise<ReadImage> {
  const { layers } = image.manifest;
  if (layers.length !== image.config.rootfs.diff_ids.length)
    throw new Failure(
      exit.failed,
      `${image.name}: the manifest has ${layers.length} layers, the configuration ${image.config.rootfs.diff_ids.length}`,
    );
  const tree = new Tree();
  const indices: LayerIndex[] = [];
  // Layers that are read at the same time do not know each other's size: a hostile image may reach twice the limit.
  let left = mostOf(image);
  // Reading goes on while one layer is laid over the others.
  const ahead = 2;
  const reading = new Map<number, ReturnType<typeof readLayer>>();
  const start = (n: number) => {
    if (n >= layers.length) return;
    const promise = readLayer(image, n, pool, work, left);
    promise.catch(() => undefined); // looked at when its turn comes
    reading.set(n, promise);
  };
  for (let n = 0; n < ahead; n++) start(n);
  for (const [n, descriptor] of layers.entries()) {
    progress(n, layers.length);
    const { entries, index } = (await reading.get(n)) ?? (await readLayer(image, n, pool, work, left));
    reading.delete(n);
    left -= index.plainSize;
    start(n + ahead);
    try {
      await tree.apply(entries, n);
    } catch (error) {
      if (!(error instanceof TreeError)) throw error;
      throw new Failure(exit.failed, `${image.name}: ${layerName(n, descriptor)}: ${error.message}`, {
        next: error.isOverLimit ? raise : damaged,
      });
    }
    rmSync(entries.path);
    indices.push(index);
  }
  return {
    tree,
    tars: indices.map((i) => i.tar),
    layers: indices,
    plainSize: indices.reduce((sum, i) => sum + i.plainSize, 0),
  };
}
