import { closeSync, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { openRegular } from "../system/regular-file.ts";
import { podman } from "../tools/podman.ts";
import { blobPath, openLayout, startLayout } from "./layout.ts";
import type { Descriptor, Opened } from "./manifest.ts";
import { parseReference } from "./reference.ts";
import { Repository, type RepositoryOptions } from "./registry.ts";
import { localImages, podmanFailure } from "./storage.ts";

/** An image, wherever it lies. */
export interface Image extends Opened {
  /** As the user named it. */
  name: string;
  place: "storage" | "folder" | "registry";
  /** A file with the layer's blob. */
  layer(descriptor: Descriptor): Promise<string>;
}

export interface OpenOptions {
  /** A folder for what must be fetched; the caller removes it. */
  work: string;
  log?: string;
  /** With how much patience a registry is asked. */
  registry?: RepositoryOptions;
}

function inFolder(name: string, place: Image["place"], folder: string, tag?: string): Image {
  const opened = openLayout(folder, tag);
  const layer = async ({ digest, size }: Descriptor) => {
    const path = blobPath(folder, digest);
    if (!existsSync(path)) throw new Failure(exit.failed, `layer ${digest}: missing in ${folder}`);
    const { fd, size: has } = openRegular(path, folder);
    closeSync(fd);
    if (has !== size)
      throw new Failure(
        exit.failed,
        `layer ${digest}: ${has < size ? `cut off at byte ${has} of ${size}` : `goes on after byte ${size}`}`,
        {
          next: "the image is broken: build or pull it again; nothing was changed",
        },
      );
    return path;
  };
  return { name, place, ...opened, layer };
}

/** Podman's storage, through `podman save`: it alone can put a layer's tar together again, and may read it without root. */
async function fromStorage(name: string, id: string, options: OpenOptions): Promise<Image> {
  // by its name alone: podman refuses a path with a colon
  const folder = `saved-${id.slice(0, 12)}`;
  const words = ["save", "--quiet", "--format", "oci-dir", "--uncompressed", "--output", folder, id];
  const place = { cwd: options.work, env: { TMPDIR: options.work } };
  const outcome = await podman(words, { ...place, ...(options.log ? { log: options.log } : {}) });
  if (outcome.code !== 0) throw podmanFailure(`reading ${name} from podman's storage`, outcome);
  return inFolder(name, "storage", join(options.work, folder));
}

async function fromRegistry(name: string, text: string, options: OpenOptions): Promise<Image> {
  const reference = parseReference(text);
  if (!reference)
    throw new Failure(exit.usage, `\`${name}\` is no image`, {
      tried: ["a folder (oci:DIR)", "podman's storage", "a registry's name (host/repository:tag)"],
    });
  const repository = new Repository(reference, options.registry);
  const opened = await repository.open();
  const folder = join(options.work, "fetched");
  const layer = async (descriptor: Descriptor) => {
    startLayout(folder);
    const path = blobPath(folder, descriptor.digest);
    if (!existsSync(path)) await repository.fetchBlob(descriptor, path);
    return path;
  };
  return { name, place: "registry", ...opened, layer };
}

/**
 * Opens an image by any of its names: `oci:DIR[:tag]`, `docker://…` or a registry's name, a name or id in podman's
 * storage. A plain name is looked for in the storage first, then in its registry.
 */
export async function openImage(name: string, options: OpenOptions): Promise<Image> {
  mkdirSync(options.work, { recursive: true });
  if (name.startsWith("oci:")) {
    const rest = name.slice("oci:".length);
    if (existsSync(resolve(rest))) return inFolder(name, "folder", resolve(rest));
    const [, folder, tag] = /^(.+?):([^/].*)$/.exec(rest) ?? [];
    if (folder !== undefined && existsSync(resolve(folder))) return inFolder(name, "folder", resolve(folder), tag);
    throw new Failure(exit.usage, `there is no folder ${rest}`);
  }
  if (name.startsWith("docker://")) return fromRegistry(name, name.slice("docker://".length), options);
  const images = await localImages();
  const local =
    images.get(name) ??
    images.get(`localhost/${name}`) ??
    [...images.values()].find((i) => i.id.startsWith(name) && name.length >= 12);
  if (local) return fromStorage(name, local.id, options);
  if (existsSync(join(name, "index.json"))) return inFolder(name, "folder", resolve(name));
  return fromRegistry(name, name, options);
}
