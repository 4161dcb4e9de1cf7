import { exit, Failure } from "../system/errors.ts";
import { podman } from "../tools/podman.ts";
import { toolboxReferences } from "../tools/toolbox.ts";
import { type Broken, brokenFailure, findBroken, removeBroken } from "./broken.ts";
import { type ImageRecord, isOurs, ownPrefixes } from "./ownership.ts";
import { freedBytes, readStore } from "./reclaimable.ts";
import { askAboutImages, podmanFailure } from "./storage.ts";

export interface ImageSweep {
  /** Ids of unnamed images of ours: old builds, stages, the cache of builds. */
  unnamed: string[];
  /** Names of images of ours. */
  named: string[];
  /** Broken images of ours. Where there are some, nothing else is planned: they go first. */
  broken: Broken[];
  /** What removing all of them frees; undefined where the store does not tell. */
  bytes: number | undefined;
}

interface Inspected {
  Id: string;
  RepoTags?: string[] | null;
  Labels?: Record<string, string> | null;
  History?: { created_by?: string; comment?: string }[] | null;
}

async function ask(...args: string[]): Promise<string> {
  const outcome = await askAboutImages(...args);
  if (outcome.code !== 0) throw podmanFailure(`podman ${args.slice(0, 2).join(" ")}`, outcome);
  return outcome.stdout.trim();
}

async function inspect(ids: string[]): Promise<ImageRecord[]> {
  if (ids.length === 0) return [];
  const images = JSON.parse(await ask("image", "inspect", ...ids)) as Inspected[];
  return images.map((image) => ({
    id: image.Id,
    names: image.RepoTags ?? [],
    labels: image.Labels ?? {},
    history: (image.History ?? []).map((h) => h.created_by || h.comment || ""),
  }));
}

const idsOf = (text: string) => [...new Set(text.split("\n").filter(Boolean))].map((id) => id.replace(/^sha256:/, ""));

/**
 * Looks for our images: the unnamed ones and toolboxes of older recipes, and with `all` every named one.
 * @param prefixes how the names of the family's images begin
 */
export async function planSweep(prefixes: string[], all: boolean): Promise<ImageSweep> {
  const ours = [...prefixes, ...ownPrefixes];
  const broken = await findBroken(prefixes);
  const mine = broken.filter((image) => image.ours);
  // podman may be unable to list the others until these are gone
  if (mine.length) return { unnamed: [], named: [], broken: mine, bytes: undefined };
  const isWhole = (id: string) => !broken.some((image) => image.id === id);
  // an image of another store that podman only reads stays where it is
  const format = "{{if not .ReadOnly}}{{.ID}}{{end}}";
  const list = (...filter: string[]) => ask("image", "ls", "--no-trunc", "--noheading", "--format", format, ...filter);
  const dangling = idsOf(await list("--filter", "dangling=true")).filter(isWhole);
  // without --all this lists what has a name, and the unnamed that nothing is based on
  const namedIds = idsOf(await list()).filter((id) => !dangling.includes(id) && isWhole(id));
  const candidates = (await inspect([...dangling, ...namedIds])).filter((image) => isOurs(image, ours));
  const unnamed = candidates.filter((image) => image.names.length === 0);
  const toolboxes = toolboxReferences();
  const old = (image: ImageRecord) =>
    image.names.every((name) => name.startsWith("localhost/slipway-toolbox:") && !toolboxes.includes(name));
  const named = candidates.filter((image) => image.names.length > 0 && (all || old(image)));
  const removed = [...unnamed, ...named].map((image) => image.id);
  const kept = [...dangling, ...namedIds].filter((id) => !removed.includes(id));
  const [root = "", driver = ""] = (
    await ask("info", "--format", "{{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}")
  ).split("\n");
  const store = readStore(root, driver);
  return {
    unnamed: unnamed.map((image) => image.id),
    named: named.flatMap((image) => image.names),
    broken: [],
    bytes: removed.length === 0 ? 0 : store && freedBytes(store.images, store.layers, removed, kept),
  };
}

/** Removes what was planned; names first, so that nothing is based on the unnamed ones. @throws Failure naming what would not go. */
export async function sweepImages({ named, unnamed, broken }: ImageSweep): Promise<void> {
  const left = await removeBroken(broken);
  if (left.length) throw brokenFailure("bun run clean", left);
  const stuck: string[] = [];
  for (const batch of [named, unnamed]) {
    if (batch.length === 0) continue;
    const { code, said } = await podman(["rmi", ...batch]);
    // an unnamed image may have gone with the one that stood on it
    if (code !== 0)
      stuck.push(...said.split("\n").filter((line) => /in use|Error/.test(line) && !/not known/.test(line)));
  }
  if (stuck.length)
    throw new Failure(exit.failed, "some images were not removed", {
      tried: stuck.slice(0, 5),
      next: "podman ps --all --external shows which containers use them",
    });
}
