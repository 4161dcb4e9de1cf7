import type { Arch } from "../family/family.ts";
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
  return pinned(name, pins).replace("@sha256:", ":sha256-");
}

/** An arch's own base image among the local ones, exactly as pinned, or as made here. */
export function localBase(arch: Arch, images: Map<string, LocalImage>, pins?: Pin[]): BaseImage | undefined {
  const name = localName(baseImageName(arch), pins);
  const image = images.get(name);
  if (image) return { name, image };
  if (!("debian" in arch.base)) return undefined;
  const made = localDebian(arch.base.debian);
  const root = images.get(made);
  return root && isCurrentRoot(arch.base.debian, root.labels) ? { name: made, image: root } : undefined;
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
 * Sees to it that an arch's own base image is in podman's storage: local, else from its registry, else (Debian) made
 * from packages.
 * @throws Failure with what was tried, why each failed, and what to do.
 */
export function ensureBase(
  arch: Arch,
  images: Map<string, LocalImage>,
  pins: Pin[] | undefined,
  progress: Progress,
): Promise<BaseImage> {
  const known = localBase(arch, images, pins);
  if (known) return Promise.resolve(known);
  // Flavors side by side on one base: the first one fetches it, the others wait for that.
  return together(`base ${baseImageName(arch)}`, () => fetchBase(arch, pins, progress));
}

async function fetchBase(arch: Arch, pins: Pin[] | undefined, progress: Progress): Promise<BaseImage> {
  const name = pinned(baseImageName(arch), pins);
  const local = localName(baseImageName(arch), pins);
  const tried = [`podman's own storage: no ${local}`];

  progress.now(`pulling ${name}`);
  const pulled = await podman(["pull", "--quiet", name], { log: progress.log });
  if (pulled.code === 0) {
    if (name !== local) await podman(["tag", pulled.stdout.trim(), local], { log: progress.log });
    return present(arch, pins);
  }
  tried.push(`the registry: ${lastWords(pulled.stderr)}`);

  if ("debian" in arch.base) {
    const suite = arch.base.debian;
    progress.now(`making Debian ${suite} from packages`);
    try {
      await ensureLocalDebian(suite, progress);
      return await present(arch, pins);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      tried.push(`Debian's packages: ${error.lines().join("; ")}`);
    }
  }
  throw new Failure(
    exit.failed,
    `no base image for ${arch.name}: ${name} is not in podman's storage and could not be fetched`,
    {
      tried,
      next: `${nextAfter(pulled.stderr, `try \`podman pull ${name}\``)}; or load it from a file with \`podman load\``,
      log: progress.log,
    },
  );
}

async function present(arch: Arch, pins: Pin[] | undefined): Promise<BaseImage> {
  const found = localBase(arch, await localImages(), pins);
  if (!found) throw new Failure(exit.failed, `${baseImageName(arch)} was fetched, but podman does not list it`);
  return found;
}
