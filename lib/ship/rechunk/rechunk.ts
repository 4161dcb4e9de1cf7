/**
 * An image with its files divided into layers by the plan. Its content stays what it was but for what is pruned and for
 * times: later ones than the plan's are set back to it, folders carry it.
 */
import { cpSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { LayerPool } from "../../layers/layer-pool.ts";
import { type LayerPacking, usualPacking, type WrittenLayer } from "../../layers/layer-tar.ts";
import { readTree } from "../../layers/read-tree.ts";
import type { Tree } from "../../layers/tree.ts";
import { workInTurns } from "../../layers/turns.ts";
import { blobPath, finishLayout, startLayout } from "../../oci/layout.ts";
import { type Descriptor, type HistoryEntry, type ImageConfig, mediaTypes } from "../../oci/manifest.ts";
import { madeByRechunk } from "../../oci/ownership.ts";
import type { Image } from "../../oci/source.ts";
import { type Packages, withPackages } from "../../packages/record.ts";
import { exit, Failure } from "../../system/errors.ts";
import { owner } from "../../system/owner.ts";
import { dated, labelOf } from "../../trust/facts.ts";
import { type Component, divide } from "./components.ts";
import { pieces } from "./layer-entries.ts";
import { type Memory, type Plan, type PlannedLayer, planning } from "./plan.ts";
import { encodeMemory, planAnnotation, planLimits } from "./plan-annotation.ts";
import { prune } from "./prune.ts";

/** The annotation of a layer that says what is in it, for whoever looks. */
export const contentAnnotation = "org.slipway.components";
const shownComponents = 24;

/** An image with its plan: what a writer makes layers of. */
export interface Planned {
  image: Image;
  tree: Tree;
  tars: string[];
  planned: Plan;
  /** By layer of the plan its leaves, in the order of the tree. */
  dealt: Uint32Array[];
  /** Of the manifest. */
  annotations: Record<string, string>;
  packages: Packages;
  packing: LayerPacking;
  work: string;
  tag: string | undefined;
  now: (text: string) => void;
}

/** What a writer made. */
export interface Written {
  /** Of the manifest. */
  digest: string;
  layers: (WrittenLayer & PlannedLayer)[];
}

export interface RechunkOptions {
  layers: number;
  prune: string[];
  tags: boolean;
  previous: Memory | undefined;
  packing?: LayerPacking | undefined;
  /** For what is unpacked on the way; must exist. */
  work: string;
  /** The name in the folder's index. */
  tag?: string | undefined;
  now?: (text: string) => void;
  /** Who writes the layers into the folder `out`; we ourselves, if nobody else. */
  writer?: ((job: Planned, pool: LayerPool, out: string) => Promise<Written>) | undefined;
}

export interface Rechunked {
  digest: string;
  plan: Plan;
  components: Component[];
  layers: (WrittenLayer & PlannedLayer)[];
  /** Bytes of the image's own layers, unpacked. */
  input: number;
}

/** The time that a first plan fixes: when the image says that it was made. */
export function epochOf(config: ImageConfig): number {
  const created = config.config?.Labels?.[labelOf.created] ?? config.created ?? "";
  const seconds = Math.floor(Date.parse(created) / 1000);
  // Zero means "no time" to some readers; a time outside a plan's limits could not be read back.
  return seconds > 0 && seconds <= planLimits.epoch ? seconds : 1;
}

function contents({ components }: PlannedLayer): string {
  const more = components.length - shownComponents;
  return [...components.slice(0, shownComponents), ...(more > 0 ? [`and ${more} more`] : [])].join(" ");
}

/** By component the layer that the plan gives it. */
function deal(components: Component[], layers: PlannedLayer[]): number[] {
  const place = new Map(layers.flatMap((layer, i) => layer.components.map((name): [string, number] => [name, i])));
  return components.map(({ name }) => place.get(name) ?? 0);
}

/**
 * Reads an image and writes it anew.
 * @param folder where the result goes; whatever is there is replaced, and only once the new one is whole.
 * @throws Failure naming the layer and the offset of what is broken; then nothing was changed.
 */
export async function rechunk(image: Image, folder: string, options: RechunkOptions): Promise<Rechunked> {
  const now = options.now ?? (() => undefined);
  const pool = new LayerPool();
  const out = join(options.work, "out");
  try {
    const { tree, tars, plainSize } = await readTree(image, pool, options.work, (done, of) =>
      now(`reading layer ${done + 1} of ${of}`),
    );
    prune(tree, options.prune);
    Bun.gc(true); // reading left much behind that would be in memory together with what comes
    now("finding the owner of each file");
    const epoch = options.previous?.epoch ?? epochOf(image.config);
    const { tags } = options;
    const { components, leaves, packages } = await divide(tree, tars, { tags, epoch, work: options.work });
    if (leaves.count === 0) throw new Failure(exit.failed, `${image.name} has no files`);
    const planned = await workInTurns(planning(components, options.layers, epoch, options.previous));
    const dealt = leaves.dealt(deal(components, planned.layers), planned.layers.length);
    const annotations = { ...image.manifest.annotations, [planAnnotation]: encodeMemory(planned.memory) };
    const { work, tag, packing = usualPacking } = options;
    const job = { image, tree, tars, planned, dealt, annotations, packages, packing, work, tag, now };
    const { digest, layers } = await (options.writer ?? writeLayers)(job, pool, out);
    replace(out, folder);
    return { digest, plan: planned, components, layers, input: plainSize };
  } finally {
    pool.close();
  }
}

async function writeLayers(job: Planned, pool: LayerPool, out: string): Promise<Written> {
  const { tree, tars, planned, dealt, now } = job;
  startLayout(out);
  let done = 0;
  const written = await Promise.all(
    dealt.map(async (ours, i) => {
      const path = join(out, `layer-${i}`);
      const name = `writing layer ${i + 1} of ${dealt.length}`;
      const layer = await pool.write(name, () => pieces(tree, ours, planned.memory.epoch), tars, path, job.packing);
      renameSync(path, blobPath(out, layer.digest));
      now(`writing: ${++done} of ${dealt.length} layers`);
      return layer;
    }),
  );
  const layers = planned.layers.flatMap((layer, i) => {
    const made = written[i];
    return made ? [{ ...layer, ...made }] : [];
  });
  return { digest: finish(job, out, written), layers };
}

/** Puts the finished folder in the place of the old one, also on another disk: there it is copied beside it first. */
function replace(made: string, folder: string): void {
  mkdirSync(join(folder, ".."), { recursive: true });
  let ready = made;
  if (statSync(made).dev !== statSync(join(folder, "..")).dev) {
    ready = `${folder}.${owner}`;
    cpSync(made, ready, { recursive: true });
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(ready, folder);
}

/**
 * buildah writes the values of a RUN's arguments before its line, `|2 A=b C=d /bin/sh -c …`. A value can be a secret of the machine that
 * built, so they are left out.
 */
function withoutArguments(line: string): string {
  if (!/^\|\d+ /.test(line)) return line;
  const at = line.lastIndexOf(" /bin/sh -c ");
  return at < 0 ? "a step with build arguments" : line.slice(at + 1);
}

/** How the image was built: entries that have no layer any more. What an earlier rechunk wrote is left out. */
function buildHistory({ history }: ImageConfig): HistoryEntry[] {
  const built = history?.filter(({ created_by }) => created_by !== madeByRechunk) ?? [];
  return built.map((entry) => ({
    ...entry,
    ...(typeof entry.created_by === "string" ? { created_by: withoutArguments(entry.created_by) } : {}),
    empty_layer: true,
  }));
}

function finish(job: Planned, out: string, written: WrittenLayer[]): string {
  const { image, planned, packing, tag } = job;
  const created = new Date(planned.memory.epoch * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const config: ImageConfig = {
    ...dated(image.config),
    rootfs: { type: "layers", diff_ids: written.map((w) => w.diffId) },
    history: [
      ...buildHistory(image.config),
      ...planned.layers.map((layer) => ({ created, created_by: madeByRechunk, comment: contents(layer) })),
    ],
  };
  const layers = written.map(
    (w, i): Descriptor => ({
      mediaType: packing.compression === "gzip" ? mediaTypes.gzipLayer : mediaTypes.zstdLayer,
      digest: w.digest,
      size: w.size,
      annotations: {
        ...w.annotations,
        [contentAnnotation]: contents(planned.layers[i] ?? { components: [], kept: false, size: 0, probability: 0 }),
      },
    }),
  );
  const annotations = withPackages(job.annotations, job.packages, config);
  return finishLayout(out, config, { schemaVersion: 2, layers, annotations }, tag);
}
