import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { brokenImages, findStore, type Store, type StoredImage } from "../system/podman-store.ts";
import { askPodman, podman, podmanEnv } from "../tools/podman.ts";
import { type ImageRecord, isOurs, ownPrefixes } from "./ownership.ts";

/**
 * Images that podman cannot use any more, because the program that wrote them was killed or the power failed. One of them makes
 * every command fail that looks at all images.
 */
export interface Broken {
  id: string;
  names: string[];
  /** What is wrong with it, as a clause. */
  why: string;
  /** A build of ours made it, so it is removed without a question. */
  ours: boolean;
}

/** Between two looks at an image, in milliseconds: another podman may be about to write what is missing. */
const between = 300;
/** After so many looks nobody is writing it, if no other podman runs. */
const looks = 10;
/** The same if one does: a write does not take half a minute. */
const looksAtWriters = 100;

/** A program with the same settings for its store as ours, which may be writing. */
function someoneWrites(): boolean {
  const variable = "CONTAINERS_STORAGE_CONF";
  const read = (pid: string, file: string) => readFileSync(`/proc/${Number(pid)}/${file}`, "utf8");
  return readdirSync("/proc").some((pid) => {
    try {
      if (!/^(podman|buildah|skopeo)$/.test(read(pid, "comm").trim())) return false;
      const theirs = read(pid, "environ")
        .split("\0")
        .find((line) => line.startsWith(`${variable}=`));
      return theirs?.slice(variable.length + 1) === process.env[variable];
    } catch {
      return false; // no process, or none any more
    }
  });
}

interface Config {
  config?: { Labels?: Record<string, string> | null };
  history?: { created_by?: string; comment?: string }[];
}

/** What an image's configuration says of it; podman writes that before the manifest. */
function recordOf(store: Store, image: StoredImage): ImageRecord {
  const file = `=${Buffer.from(`sha256:${image.id}`).toString("base64")}`;
  let config: Config = {};
  try {
    config = JSON.parse(readFileSync(join(store.root, `${store.driver}-images`, image.id, file), "utf8")) as Config;
  } catch {
    // then nothing says who made it
  }
  return {
    id: image.id,
    names: image.names ?? [],
    labels: config.config?.Labels ?? {},
    history: (config.history ?? []).map((h) => h.created_by || h.comment || ""),
  };
}

/** podman decides in the end: a layer may be in a store that only podman knows. */
async function isUsable({ id }: StoredImage): Promise<boolean> {
  return (await askPodman("image", "inspect", "--format", "{{.Id}}", id)).code === 0;
}

/**
 * The broken images of podman's store; none where podman does not answer.
 * @param prefixes how the names of the family's images begin
 */
export async function findBroken(prefixes: string[] = []): Promise<Broken[]> {
  const store = await findStore(["podman"], await podmanEnv());
  if (!store) return [];
  let found = brokenImages(store);
  for (let look = 1; found.length > 0 && look < (someoneWrites() ? looksAtWriters : looks); look++) {
    await Bun.sleep(between);
    const still = new Set(brokenImages(store).map(({ id }) => id));
    found = found.filter(({ id }) => still.has(id));
  }
  const usable = await Promise.all(found.map(isUsable));
  return found
    .filter((_, i) => !usable[i])
    .map((image) => {
      const { id, why } = image;
      return { id, names: image.names ?? [], why, ours: isOurs(recordOf(store, image), [...prefixes, ...ownPrefixes]) };
    });
}

/** The command that removes it. */
export function removal({ id }: Broken): string {
  return `podman rmi --force ${id.slice(0, 12)}`;
}

export function shownBroken({ id, names, why }: Broken): string {
  return `${names[0] ?? "an image without a name"} (${id.slice(0, 12)}): ${why}`;
}

/** Broken images and what removes each, for `doctor`. @param prefixes how the names of the family's images begin */
export async function brokenAndFixes(prefixes: string[]): Promise<{ image: string; fix: string }[]> {
  const broken = await findBroken(prefixes);
  return broken.map((image) => ({ image: shownBroken(image), fix: image.ours ? "bun run clean" : removal(image) }));
}

/** Removes what is ours. @returns what is still there */
export async function removeBroken(broken: Broken[]): Promise<Broken[]> {
  const left: Broken[] = [];
  for (const image of broken)
    if (!image.ours || (await podman(["rmi", "--force", image.id])).code !== 0) left.push(image);
  return left;
}

/** Why podman fails, where it is a broken image that is not ours. */
export function brokenFailure(what: string, broken: Broken[]): Failure {
  const some = broken.length === 1 ? "an image is broken" : `${broken.length} images are broken`;
  return new Failure(exit.failed, `${what} failed: ${some} in podman's storage`, {
    tried: broken.slice(0, 5).map(shownBroken),
    next: `if nobody needs ${broken.length === 1 ? "it" : "them"}: ${broken.slice(0, 5).map(removal).join("; ")}`,
  });
}
