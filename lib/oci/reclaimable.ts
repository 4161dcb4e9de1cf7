import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What containers/storage writes about images and layers; nothing else of it is used. */
export interface StoredImage {
  id: string;
  names?: string[] | null;
  /** The topmost layer. */
  layer?: string;
}
export interface StoredLayer {
  id: string;
  parent?: string;
  "diff-size"?: number;
}

/**
 * The bytes that removing images frees: of their layers, those that no kept image uses. Images
 * share layers, so the sum of their sizes says nothing. An unnamed image with others above it is not asked: it goes
 * with the last of them.
 * @param removed ids of images
 * @param kept ids of images
 */
export function freedBytes(images: StoredImage[], layers: StoredLayer[], removed: string[], kept: string[]): number {
  const layerById = new Map(layers.map((layer) => [layer.id, layer]));
  const imageById = new Map(images.map((image) => [image.id, image]));
  const below = (ids: string[]): Set<StoredLayer> => {
    const found = new Set<StoredLayer>();
    for (const id of ids) {
      let layer = layerById.get(imageById.get(id)?.layer ?? "");
      while (layer && !found.has(layer)) {
        found.add(layer);
        layer = layerById.get(layer.parent ?? "");
      }
    }
    return found;
  };
  const stay = below(kept);
  return [...below(removed)].filter((l) => !stay.has(l)).reduce((sum, l) => sum + (l["diff-size"] ?? 0), 0);
}

/** @returns undefined where the store is not written as expected; then the size is not told. */
export function readStore(
  graphRoot: string,
  driver: string,
): { images: StoredImage[]; layers: StoredLayer[] } | undefined {
  const read = (what: string): unknown =>
    JSON.parse(readFileSync(join(graphRoot, `${driver}-${what}`, `${what}.json`), "utf8"));
  try {
    return { images: read("images") as StoredImage[], layers: read("layers") as StoredLayer[] };
  } catch {
    return undefined;
  }
}
