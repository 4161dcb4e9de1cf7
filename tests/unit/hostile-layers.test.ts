import { afterAll, afterEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { differences } from "../../lib/layers/compare.ts";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { usualPacking } from "../../lib/layers/layer-tar.ts";
import { readTree } from "../../lib/layers/read-tree.ts";
import { Tree } from "../../lib/layers/tree.ts";
import { openImage } from "../../lib/oci/source.ts";
import { divide } from "../../lib/ship/rechunk/components.ts";
import { pieces } from "../../lib/ship/rechunk/layer-entries.ts";
import { Failure } from "../../lib/system/errors.ts";
import { type Hostile, hostileLayers } from "../support/hostile-layers.ts";
import { Place, writeBlobs } from "../support/images.ts";

// Every hostile layer is read right, or refused by one line that names the layer and the byte; never by a defect of ours.

const place = new Place();
const pool = new LayerPool(2);
afterAll(() => {
  pool.close();
  place.remove();
});
afterEach(() => void delete process.env.SLIPWAY_IMAGE_LIMITS);

/** 2,000 folders in each other take a while on a busy machine. */
const minute = 60_000;
/** What a defect would say, also where a thread passes it on. */
const defect = /undefined|not a function|null|call stack|out of memory|TypeError|RangeError|\n/;

async function read(folder: string, layers: Buffer[]): Promise<void> {
  const work = join(folder, "work");
  const image = await openImage(`oci:${writeBlobs(folder, layers)}`, { work });
  const { tree, tars } = await readTree(image, pool, work);
  const epoch = Number.MAX_SAFE_INTEGER;
  const { leaves } = await divide(tree, tars, { tags: false, epoch, work });
  // What was read right is the same when it was written and read again.
  const names = Array.from({ length: leaves.count }, (_, i) => leaves.name(i));
  const path = join(work, "again");
  await pool.write("again", () => pieces(tree, names, epoch), tars, path, usualPacking);
  const { entries } = await pool.index("again", path, join(work, "again.tar"), 2 ** 40);
  const again = new Tree();
  await again.apply(entries, 0);
  expect(differences(tree, again)).toEqual([]);
}

test.each(hostileLayers.map((hostile, i): [string, number, Hostile] => [hostile.name, i, hostile]))(
  "%s",
  async (_, i, { layers, outcome, limits }) => {
    if (limits) process.env.SLIPWAY_IMAGE_LIMITS = limits;
    const folder = place.path(`${i}`);
    const error = await read(folder, layers).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    rmSync(folder, { recursive: true });
    if (outcome === "read") {
      expect(error).toBeUndefined();
      return;
    }
    if (!(error instanceof Failure)) throw error ?? new Error("it was read");
    expect(error.message).toMatch(new RegExp(outcome));
    expect(error.message).not.toMatch(defect);
    if (!/components/.test(outcome)) expect(error.message).toMatch(/layer \d+ \(sha256:.*(at byte \d+|configuration)/);
  },
  minute,
);

test("there are enough of them, and no name twice", () => {
  expect(new Set(hostileLayers.map(({ name }) => name)).size).toBe(hostileLayers.length);
  expect(hostileLayers.length).toBeGreaterThan(200);
});
