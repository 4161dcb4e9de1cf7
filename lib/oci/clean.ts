import { dirname, relative } from "node:path";
import { type Cached, cached, removeCached } from "../system/cache.ts";
import { bytes, paintOut, table } from "../system/output.ts";
import { projectRoot, statePath } from "../system/project.ts";
import { type Remnant, remnants, remove } from "../system/remnants.ts";
import { shownBroken } from "./broken.ts";
import { type ImageSweep, planSweep, sweepImages } from "./sweep.ts";
import { emptyTestStorage, testStorageBytes } from "./test-storage.ts";

/** Everything that `bun run clean` would remove. */
export interface Cleaning {
  files: Remnant[];
  images: ImageSweep;
  /** Bytes of the images that the tests keep. */
  tests: number;
  /** Of the user's cache, which other clones use too. */
  cache: Cached[];
  /** All of it, as far as the store tells. */
  bytes: number;
}

const hasPodman = () => Bun.which("podman") !== null;

/**
 * What there is to remove. Without podman there are no images to speak of, and the files can go all the same.
 * @param prefixes how the names of the family's images begin
 * @param all caches and named images too
 * @param cache the user's cache too, which other clones use
 */
export async function planCleaning(prefixes: string[], all: boolean, cache: boolean): Promise<Cleaning> {
  const files = remnants(dirname(statePath("x")), all);
  const images = hasPodman() ? await planSweep(prefixes, all) : { named: [], unnamed: [], broken: [], bytes: 0 };
  const tests = all ? testStorageBytes() : 0;
  const shared = cache ? cached() : [];
  const total = [...files, ...shared].reduce((sum, f) => sum + f.bytes, tests + (images.bytes ?? 0));
  return { files, images, tests, cache: shared, bytes: total };
}

/** The table for people; undefined where there is nothing. */
export function showCleaning({ files, images, tests, cache, bytes: total }: Cleaning): string | undefined {
  const unnamed = images.unnamed.length;
  const rows = [
    ...files.map((f) => [bytes(f.bytes), relative(projectRoot, f.path), f.what]),
    ...cache.map((one) => [bytes(one.bytes), one.path, one.what]),
    ...images.named.map((name) => ["", name, "image"]),
    ...images.broken.map((image) => ["", shownBroken(image), "broken image; run clean again for the others"]),
    ...(tests ? [[bytes(tests), ".slipway/test", "images that the tests keep"]] : []),
    ...(unnamed ? [["", `${unnamed} of old builds and their cache`, "unnamed images"]] : []),
  ];
  if (rows.length === 0) return undefined;
  const note = images.bytes === undefined ? "and the images" : "with what the images do not share";
  const bold = (cell: string, _: number, row: number) => (row === rows.length ? paintOut.bold(cell) : cell);
  return table([...rows, [bytes(total), "in all", note]], bold);
}

/** Removes what was planned. @throws Failure naming images that containers use. */
export async function clean({ files, images, tests, cache }: Cleaning): Promise<void> {
  await sweepImages(images);
  if (tests) await emptyTestStorage();
  remove(files);
  await removeCached(cache);
}
