/**
 * What a machine that has image A downloads to get image B: the layers of B that A does not have, whole. The floor is what
 * it would download if a layer held what differs and nothing else, packed as our layers are; efficiency is floor ÷ download.
 * Only layers that are not in both are read.
 */
import { join } from "node:path";
import { type ByteString, byBytes, type Entry, shown } from "../layers/entry.ts";
import { LayerPool } from "../layers/layer-pool.ts";
import { type Piece, usualPacking } from "../layers/layer-tar.ts";
import type { Lines } from "../layers/lines.ts";
import { readLayer } from "../layers/read-tree.ts";
import { inTurns } from "../layers/turns.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { Image } from "../oci/source.ts";
import { type PackageChanges, packageChanges, type UnknownPackages } from "../packages/changes.ts";
import { packagesOf } from "../packages/record.ts";
import { warn } from "../system/output.ts";
import { parseSize } from "../system/size.ts";

/** Why a file of a new layer is in the download. Bytes, unpacked. */
export interface Reasons {
  /** New, or its content is another. */
  content: number;
  /** Only its mode, owner or attributes are others. */
  owner: number;
  /** Only its time is another. */
  times: number;
  /** As it was, but in a layer that otherwise has little to do with this one. */
  moved: number;
  /** As it was, beside something that changed. */
  beside: number;
  /** Files of the layer's former self that are no longer in it: a count. */
  left: number;
}

export interface ChangedLayer {
  digest: string;
  /** Bytes to download. */
  size: number;
  /** What it says of itself. */
  contents: string | undefined;
  /** The layer of A that it mostly was. */
  was: string | undefined;
  reasons: Reasons | undefined;
  /** Some of the files whose content changed, the biggest first. */
  files: string[];
}

export interface Delta {
  a: string;
  b: string;
  /** Layers of B that A has. */
  kept: number;
  changed: ChangedLayer[];
  download: number;
  /** One a changed layer, one for the manifest, one for the configuration. */
  requests: number;
  /** The sizes are those of layers as they lie in podman's storage, not packed as for a registry. */
  unpacked: boolean;
  floor: number | undefined;
  efficiency: number | undefined;
  /** As far as both images say which packages they have: no layer is read for it. */
  packages: PackageChanges | UnknownPackages;
}

const shownFiles = 5;

interface Known {
  entry: Entry;
  layer: number;
}

/** A budget as it was given, if one was. @throws Failure (usage) */
export function parseBudget(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseSize(text);
}

/** The layers of one image that the other lacks, by number. */
function missingIn(one: Image, other: Image): number[] {
  const digests = new Set(other.manifest.layers.map((l) => l.digest));
  const diffIds = new Set(other.config.rootfs.diff_ids);
  return one.manifest.layers.flatMap((l, i) =>
    digests.has(l.digest) || diffIds.has(one.config.rootfs.diff_ids[i] ?? "") ? [] : [i],
  );
}

function attributes(entry: Entry): string {
  return JSON.stringify(Object.entries(entry.xattrs ?? {}).sort(([a], [b]) => byBytes(a, b)));
}

function sameContent(a: Entry, b: Entry): boolean {
  if (a.kind !== b.kind) return false;
  return a.hash === b.hash && a.target === b.target && a.major === b.major && a.minor === b.minor;
}

function sameOwner(a: Entry, b: Entry): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && attributes(a) === attributes(b);
}

function noReasons(): Reasons {
  return { content: 0, owner: 0, times: 0, moved: 0, beside: 0, left: 0 };
}

/** The layer of A that shares the most bytes, a file's name counting as one so that empty files count too. */
async function formerSelf(entries: Lines<Entry>, before: Map<ByteString, Known>): Promise<number | undefined> {
  const shares = new Map<number, number>();
  await inTurns(entries, (e) => {
    const known = e.kind === "dir" ? undefined : before.get(e.path);
    if (known) shares.set(known.layer, (shares.get(known.layer) ?? 0) + e.size + 1);
  });
  return [...shares].sort(([i, a], [j, b]) => b - a || i - j)[0]?.[0];
}

/** @returns why, and the entries whose content differs. */
async function explain(
  entries: Lines<Entry>,
  before: Map<ByteString, Known>,
  was: number | undefined,
  had: number,
): Promise<{ reasons: Reasons; differ: Entry[] }> {
  const reasons = noReasons();
  const differ: Entry[] = [];
  let stayed = 0;
  await inTurns(entries, (e) => {
    if (e.kind === "dir") return;
    const known = before.get(e.path);
    if (known?.layer === was && known) stayed++;
    if (!known || !sameContent(e, known.entry)) {
      reasons.content += e.size;
      differ.push(e);
    } else if (!sameOwner(e, known.entry)) reasons.owner += e.size;
    else if (e.mtime !== known.entry.mtime) reasons.times += e.size;
    else if (known.layer !== was) reasons.moved += e.size;
    else reasons.beside += e.size;
  });
  reasons.left = had - stayed;
  return { reasons, differ };
}

/** Differing entries as a layer of their own; a hard link needs its target there. */
function floorPieces(differ: Entry[], tar: number): Piece[] {
  const paths = new Set(differ.map((e) => e.path));
  return differ.flatMap((e): Piece[] => {
    if (e.kind === "link" && !paths.has(e.target ?? "")) return [];
    return [e.kind === "file" && e.size > 0 ? { ...e, tar } : e];
  });
}

function packagesIn(image: Image) {
  return packagesOf(image, (why) =>
    warn(`warning: ignored the list of packages of ${image.name}, which is not valid: ${why}`),
  );
}

export interface DeltaOptions {
  work: string;
  /** Only manifests are compared. */
  quick: boolean;
}

export async function delta(a: Image, b: Image, { work, quick }: DeltaOptions): Promise<Delta> {
  const fresh = missingIn(b, a);
  const layers = fresh.flatMap((i): { i: number; descriptor: Descriptor }[] => {
    const descriptor = b.manifest.layers[i];
    return descriptor ? [{ i, descriptor }] : [];
  });
  const download = layers.reduce((sum, l) => sum + l.descriptor.size, 0);
  const result: Delta = {
    a: a.name,
    b: b.name,
    kept: b.manifest.layers.length - layers.length,
    changed: layers.map(({ descriptor }) => ({
      digest: descriptor.digest,
      size: descriptor.size,
      contents: descriptor.annotations?.["org.slipway.components"],
      was: undefined,
      reasons: undefined,
      files: [],
    })),
    download,
    requests: layers.length ? layers.length + 2 : 0,
    unpacked: b.place === "storage",
    floor: undefined,
    efficiency: undefined,
    packages: packageChanges(packagesIn(a), packagesIn(b)),
  };
  if (quick) return result;

  const pool = new LayerPool();
  try {
    const before = new Map<ByteString, Known>();
    const had = new Map<number, number>();
    for (const layer of missingIn(a, b)) {
      const { entries } = await readLayer(a, layer, pool, work);
      let files = 0;
      await inTurns(entries, (entry) => {
        if (entry.kind === "dir") return;
        files++;
        before.set(entry.path, { entry, layer });
      });
      had.set(layer, files);
    }
    const tars: string[] = [];
    const pieces: Piece[] = [];
    for (const [n, { i }] of layers.entries()) {
      const { entries, index } = await readLayer(b, i, pool, work);
      const was = await formerSelf(entries, before);
      const { reasons, differ } = await explain(entries, before, was, was === undefined ? 0 : (had.get(was) ?? 0));
      pieces.push(...floorPieces(differ, tars.push(index.tar) - 1));
      const changed = result.changed[n];
      if (!changed) continue;
      changed.reasons = reasons;
      changed.was = was === undefined ? undefined : a.manifest.layers[was]?.digest;
      changed.files = differ
        .sort((x, y) => y.size - x.size || byBytes(x.path, y.path))
        .slice(0, shownFiles)
        .map((e) => shown(e.path));
    }
    result.floor = pieces.length
      ? (await pool.write("measuring what differs", () => pieces, tars, join(work, "floor"), usualPacking)).size
      : 0;
    result.efficiency = download > 0 ? Math.min(1, result.floor / download) : 1;
    return result;
  } finally {
    pool.close();
  }
}
