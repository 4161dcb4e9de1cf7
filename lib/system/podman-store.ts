import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { question } from "./question.ts";

/**
 * podman's store on disk: enough of it to see whether it is whole, or whether a program is writing to it or was killed while it
 * wrote. Source: containers/storage, images.go and containers.go.
 */
export interface Store {
  root: string;
  driver: string;
}

export interface StoredImage {
  id: string;
  names?: string[] | null;
  /** The topmost layer. */
  layer?: string;
}

export interface BrokenImage extends StoredImage {
  /** What is wrong with it, as a clause. */
  why: string;
}

/**
 * Where podman keeps its images.
 * @param words podman, and the words before it. @param env in addition to this process's own.
 * @returns undefined where podman does not answer.
 */
export async function findStore(words: string[], env: Record<string, string | undefined>): Promise<Store | undefined> {
  const format = "{{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}";
  const { code, stdout } = await question([...words, "info", "--format", format], env, { cleaning: true });
  const [root, driver] = stdout.trim().split("\n");
  return code === 0 && root && driver ? { root, driver } : undefined;
}

/** @returns nothing where there is none, or it is not written as expected. */
export function readList<T>({ root, driver }: Store, what: "images" | "layers" | "containers"): T[] {
  try {
    const read: unknown = JSON.parse(readFileSync(join(root, `${driver}-${what}`, `${what}.json`), "utf8"));
    return Array.isArray(read) ? (read as T[]) : [];
  } catch {
    return [];
  }
}

/** A power cut may leave a file without its content. */
function isWhole(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
}

/** podman writes an image's record first and its manifest last; in between it cannot use the image, and fails. */
function lacksManifest({ root, driver }: Store, id: string): boolean {
  return !isWhole(join(root, `${driver}-images`, id, "manifest"));
}

/** Images that podman cannot use: without a manifest or a layer. Another podman may be writing one of them right now. */
export function brokenImages(store: Store): BrokenImage[] {
  const layers = new Map(readList<{ id: string; parent?: string }>(store, "layers").map((layer) => [layer.id, layer]));
  const files = store.driver === "overlay" ? join(store.root, "overlay") : join(store.root, store.driver, "dir");
  const wrong = (image: StoredImage): string | undefined => {
    if (lacksManifest(store, image.id)) return "its manifest is missing";
    for (let id = image.layer; id; id = layers.get(id)?.parent) {
      if (!layers.has(id)) return `the store does not know its layer ${id.slice(0, 12)}`;
      if (existsSync(files) && !existsSync(join(files, id)))
        return `the files of its layer ${id.slice(0, 12)} are missing`;
    }
    return undefined;
  };
  return readList<StoredImage>(store, "images").flatMap((image) => {
    const why = wrong(image);
    return why === undefined ? [] : [{ ...image, why }];
  });
}

/** No image and no container of a build is half written: a program that writes to the store may be ended now. */
export function isBetweenWrites(store: Store): boolean {
  if (readList<StoredImage>(store, "images").some(({ id }) => lacksManifest(store, id))) return false;
  const containers = readList<{ id: string; metadata?: string }>(store, "containers");
  // podman's own containers have metadata from the start; a build's have a file, by which they are known
  const file = (id: string) => join(store.root, `${store.driver}-containers`, id, "userdata/buildah.json");
  return containers.every(
    ({ id, metadata }) => metadata || (statSync(file(id), { throwIfNoEntry: false })?.size ?? 0) > 0,
  );
}
