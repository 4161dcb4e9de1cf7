import type { Base } from "../family/family.ts";
import { type LocalImage, localImages } from "../oci/storage.ts";
import { exit, Failure } from "../system/errors.ts";
import { together } from "../system/single-flight.ts";
import type { Progress } from "../system/steps.ts";
import { ensureLocalDebian, isCurrentRoot, localDebian } from "../tools/debian-image.ts";
import { type Pin, pinned } from "../tools/pins.ts";
import { podman } from "../tools/podman.ts";
import { nextAfter } from "../tools/podman-failures.ts";
import { baseImageName } from "./base-name.ts";
import type { BaseImage } from "./builder.ts";

/** A pinned image's name in podman's storage, where podman does not list names by digest. */
function localName(name: string, pins: Pin[] | undefined): string {
  return pinned(name, pins).replace(/(:[\w.-]+)?@sha256:/, ":sha256-");
}

/** Only podman's storage has what is called so. */
export const isOnlyLocal = (name: string) => name.startsWith("localhost/");

/** A name without a registry, such as fedora:42. Source: podman's search for short names, containers/common, libimage/runtime.go. */
function byShortName(name: string, images: Map<string, LocalImage>): string | undefined {
  const [host = ""] = name.split("/");
  if (name.includes("/") && (/[.:]/.test(host) || host === "localhost")) return undefined;
  const usual = [`localhost/${name}`, `docker.io/library/${name}`, `docker.io/${name}`];
  return usual.find((one) => images.has(one)) ?? [...images.keys()].find((one) => one.endsWith(`/${name}`));
}

/** A base image among the local ones, exactly as pinned, or as made here. */
export function localBase(base: Base, images: Map<string, LocalImage>, pins?: Pin[]): BaseImage | undefined {
  const wanted = localName(baseImageName(base), pins);
  const name = images.has(wanted) ? wanted : byShortName(wanted, images);
  const image = name === undefined ? undefined : images.get(name);
  if (name !== undefined && image) return { name, image };
  if (!("debian" in base)) return undefined;
  const made = localDebian(base.debian);
  const root = images.get(made);
  return root && isCurrentRoot(base.debian, root.labels) ? { name: made, image: root } : undefined;
}

function lastWords(text: string): string {
  return (
    text
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^Error: /, "") ?? "it said nothing"
  );
}

/**
 * Sees to it that a base image is in podman's storage: local, else from its registry, else (Debian) made from packages.
 * @param of what needs it, for an error
 * @throws Failure with what was tried, why each failed, and what to do.
 */
export function ensureBase(
  base: Base,
  of: string,
  images: Map<string, LocalImage>,
  pins: Pin[] | undefined,
  progress: Progress,
): Promise<BaseImage> {
  const known = localBase(base, images, pins);
  if (known) return Promise.resolve(known);
  // Flavors side by side on one base: the first one fetches it, the others wait for that.
  return together(`base ${baseImageName(base)}`, () => fetchBase(base, of, pins, progress));
}

async function fetchBase(base: Base, of: string, pins: Pin[] | undefined, progress: Progress): Promise<BaseImage> {
  const name = pinned(baseImageName(base), pins);
  const local = localName(baseImageName(base), pins);
  const tried = [`podman's own storage: no ${local}`];
  if (isOnlyLocal(name)) {
    tried.push("the registry: none has names that begin with localhost/");
    const next = `build it first, \`podman build -t ${name} FOLDER\`, or load it from a file with \`podman load\``;
    throw new Failure(exit.failed, `no base image for ${of}: ${name} is not in podman's storage`, { tried, next });
  }

  progress.now(`pulling ${name}`);
  const pulled = await podman(["pull", "--quiet", name], { log: progress.log });
  if (pulled.code === 0) {
    if (name !== local) await podman(["tag", pulled.stdout.trim(), local], { log: progress.log });
    return present(base, pins);
  }
  tried.push(`the registry: ${lastWords(pulled.stderr)}`);

  if ("debian" in base) {
    const suite = base.debian;
    progress.now(`making Debian ${suite} from packages`);
    try {
      await ensureLocalDebian(suite, progress);
      return await present(base, pins);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      tried.push(`Debian's packages: ${error.lines().join("; ")}`);
    }
  }
  throw new Failure(
    exit.failed,
    `no base image for ${of}: ${name} is not in podman's storage and could not be fetched`,
    {
      tried,
      next: `${nextAfter(pulled.stderr, `try \`podman pull ${name}\``)}; or load it from a file with \`podman load\``,
      log: progress.log,
    },
  );
}

/** Pulls what is there already. @returns the registry's words where it gives none */
export async function fetchNewer(name: string, progress: Progress): Promise<string | undefined> {
  progress.now(`pulling ${name}`);
  const { code, stderr } = await podman(["pull", "--quiet", name], { log: progress.log });
  return code === 0 ? undefined : lastWords(stderr);
}

async function present(base: Base, pins: Pin[] | undefined): Promise<BaseImage> {
  const found = localBase(base, await localImages(), pins);
  if (!found) throw new Failure(exit.failed, `${baseImageName(base)} was fetched, but podman does not list it`);
  return found;
}
