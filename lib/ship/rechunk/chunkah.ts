/**
 * coreos/chunkah in place of our writer, on our plan. It makes a layer of each component that it finds, and packs nothing as
 * long as there are no more of them than layers; a file's component it believes to be what `user.component` says. So it is
 * given the image with the layer's name at every file. Links cannot carry the attribute and take their folder's: the
 * folders at the top all say the same, and what they hold of links and empty folders is one layer more. Links beside those
 * are another.
 *
 * It reads the image as podman mounts it, without network and without rights but that of reading everything. The attributes
 * stay in the image, because chunkah writes what it reads; its layers are plain tars, which `push` compresses.
 * Source: chunkah's README and its src/components/xattr.rs, v0.6.0.
 */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, byteString, shown } from "../../layers/entry.ts";
import type { LayerPool } from "../../layers/layer-pool.ts";
import { type Piece, usualPacking, type WrittenLayer } from "../../layers/layer-tar.ts";
import type { Name, Tree } from "../../layers/tree.ts";
import { inTurns } from "../../layers/turns.ts";
import { blobPath, finishLayout, openLayout, startLayout } from "../../oci/layout.ts";
import { mediaTypes } from "../../oci/manifest.ts";
import { podmanFailure } from "../../oci/storage.ts";
import { withPackages } from "../../packages/record.ts";
import { exit, Failure } from "../../system/errors.ts";
import { run } from "../../system/shell.ts";
import { bindMount } from "../../tools/mount-words.ts";
import { podman } from "../../tools/podman.ts";
import { dated } from "../../trust/facts.ts";
import { pieces } from "./layer-entries.ts";
import { pullFolder } from "./load.ts";
import type { PlannedLayer } from "./plan.ts";
import type { Planned, Written } from "./rechunk.ts";

/** Of the folders at the top, for whatever in them cannot say whose it is. */
const folders = "slipway/folders";
/** Layers that chunkah makes beside those of the plan: of links and folders, and of links at the top. */
export const beside = 2;
const tag = "user.component";

/** A layer's name for chunkah: a layer that is kept keeps its components, and so this. */
function nameOf({ components }: PlannedLayer): string {
  return components[0] ?? "";
}

/** The whole image as one layer, every file with the name of the layer that the plan gives it. */
async function tagged(
  tree: Tree,
  dealt: Uint32Array[],
  layers: PlannedLayer[],
  epoch: number,
): Promise<Iterable<Piece>> {
  const layerOf = new Map<Name, ByteString>();
  const dealtOut = new Set<Name>();
  for (const [i, names] of dealt.entries()) {
    const says = byteString(nameOf(layers[i] ?? noLayer));
    await inTurns(names, (name) => {
      dealtOut.add(name);
      if (tree.nodes.kind(tree.node(name)) === "file") layerOf.set(name, says);
    });
  }
  const leaves: Name[] = [];
  await inTurns(tree.walk(), (name) => {
    if (dealtOut.has(name)) leaves.push(name);
  });
  return named(tree, leaves, layerOf, epoch);
}

/** Each file with its layer's name as an attribute, and folders at the top with one of their own. */
function* named(tree: Tree, leaves: Name[], layerOf: Map<Name, ByteString>, epoch: number): Generator<Piece> {
  for (const piece of pieces(tree, leaves, epoch)) {
    const isTop = piece.kind === "dir" && piece.path !== "" && !piece.path.includes("/");
    const says = isTop ? folders : layerOf.get(tree.find(piece.path));
    const { [tag]: _, ...xattrs } = piece.xattrs ?? {};
    yield { ...piece, xattrs: says === undefined ? xattrs : { ...xattrs, [tag]: says } };
  }
}

const noLayer: PlannedLayer = { components: [], kept: false, size: 0, probability: 0 };

/** chunkah knows files, folders and symlinks. @throws Failure for an image with anything else. */
async function refuseOthers(tree: Tree): Promise<void> {
  await inTurns(tree.walk(), (name) => {
    const kind = tree.nodes.kind(tree.node(name));
    if (kind === "char" || kind === "block" || kind === "fifo")
      throw new Failure(exit.failed, `chunkah cannot write /${shown(tree.path(name))}, which is a ${kind} file`, {
        next: "leave it out (rechunk.prune in flavors/family.yaml), or rechunk without --with",
      });
  });
}

/** The words of podman that run chunkah. Pure. */
export function chunkahWords(
  chunkah: string,
  id: string,
  folder: string,
  epoch: number | string,
  layers: number,
): string[] {
  return [
    ...["run", "--rm", "--network=none", "--read-only", "--cap-drop=all", "--cap-add=dac_read_search"],
    ...["--security-opt=no-new-privileges", "--security-opt=label=disable", `--env=SOURCE_DATE_EPOCH=${epoch}`],
    ...[`--mount=type=image,source=${id},destination=/chunkah`, bindMount(folder, "/run/slipway"), chunkah],
    ...["build", "--rootfs", "/chunkah", "--config", "/run/slipway/config.json", "--max-layers", String(layers)],
    ...["--output", "/run/slipway/image.ociarchive"],
  ];
}

/** What it is called in the annotation that chunkah writes at a layer. */
const said = "org.chunkah.component";

async function runChunkah(chunkah: string, job: Planned, id: string): Promise<void> {
  const { image, planned, work } = job;
  writeFileSync(join(work, "config.json"), JSON.stringify(image.config.config ?? {}));
  job.now("chunkah writes the layers");
  const layers = planned.layers.length + beside;
  const ran = await podman(chunkahWords(chunkah, id, work, Math.max(1, planned.memory.epoch), layers));
  if (ran.code !== 0) throw podmanFailure(`chunkah (${chunkah})`, ran);
}

/** Its archive as a folder, with the plan in the manifest. */
async function takeOver(job: Planned, out: string): Promise<Written> {
  const { image, planned, work } = job;
  startLayout(out);
  const unpacked = await run(["tar", "--extract", `--file=${join(work, "image.ociarchive")}`, `--directory=${out}`]);
  if (unpacked.code !== 0)
    throw new Failure(exit.failed, "what chunkah wrote is no archive", { tried: [unpacked.said.trim()] });
  rmSync(join(work, "image.ociarchive"));
  const { config, manifest } = openLayout(out);
  const byName = new Map(planned.layers.map((layer) => [`xattr/${nameOf(layer)}`, layer]));
  const layers = manifest.layers.map((layer, i) => {
    const known = byName.get(layer.annotations?.[said] ?? "") ?? { ...noLayer, components: ["folders and links"] };
    const diffId = config.rootfs.diff_ids[i] ?? "";
    const written: WrittenLayer = { digest: layer.digest, size: layer.size, diffId, plainSize: layer.size };
    return { ...known, ...written };
  });
  const missing = planned.layers.filter((layer) => !layers.some(({ components }) => components === layer.components));
  if (missing.some(({ size }) => size > 0))
    throw new Failure(exit.failed, "chunkah packed its layers in another way than Slipway asked", {
      tried: missing.slice(0, 4).map((layer) => `no layer for ${nameOf(layer)}`),
      next: "use the version that flavors/family.yaml names by default, or rechunk without --with",
    });
  const { created } = dated(image.config);
  const whole = created === undefined ? config : { ...config, created };
  const annotations = withPackages({ ...manifest.annotations, ...job.annotations }, job.packages, whole);
  const digest = finishLayout(out, whole, { schemaVersion: 2, layers: manifest.layers, annotations }, job.tag);
  return { digest, layers };
}

/** @param chunkah its image, by digest. @returns a writer for `rechunk`. */
export function chunkahWriter(chunkah: string): (job: Planned, pool: LayerPool, out: string) => Promise<Written> {
  return async (job, pool, out) => {
    const { image, tree, tars, dealt, planned, work } = job;
    await refuseOthers(tree);
    const folder = join(work, `chunkah-${process.pid}`);
    startLayout(folder);
    job.now("writing the image for chunkah");
    const path = join(work, "tagged");
    const list = await tagged(tree, dealt, planned.layers, planned.memory.epoch);
    const { digest, size, diffId } = await pool.write(
      "writing the image for chunkah",
      () => list,
      tars,
      path,
      usualPacking,
    );
    renameSync(path, blobPath(folder, digest));
    const config = { ...image.config, rootfs: { type: "layers" as const, diff_ids: [diffId] }, history: [] };
    finishLayout(folder, config, { schemaVersion: 2, layers: [{ mediaType: mediaTypes.zstdLayer, digest, size }] });
    const id = await pullFolder(folder, undefined);
    try {
      rmSync(folder, { recursive: true });
      await runChunkah(chunkah, job, id);
    } finally {
      await podman(["rmi", "--force", id]);
    }
    return takeOver(job, out);
  };
}
