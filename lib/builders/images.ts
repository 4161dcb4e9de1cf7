import type { Base, Family, Target } from "../family/family.ts";
import type { LocalImage } from "../oci/storage.ts";
import { warn } from "../system/output.ts";
import { commandLine } from "../system/shell.ts";
import type { Progress } from "../system/steps.ts";
import { localDebian } from "../tools/debian-image.ts";
import { bootstrapArguments } from "../tools/debian-root.ts";
import { pinned } from "../tools/pins.ts";
import { builderOf } from "./all.ts";
import { ensureBase, fetchNewer, isOnlyLocal, localBase } from "./base.ts";
import { baseImageName, baseReference } from "./base-name.ts";
import type { BaseImage, Outside } from "./builder.ts";

/** The images that a target is made from. */
export interface Sources {
  /** Undefined where it starts from nothing, and while its base is still to be made or fetched. */
  base: BaseImage | undefined;
  /** The ids of the other ones; "" for one that is still to be fetched. */
  others: string[];
}

/** The image that a target is built on, by its name; undefined for one that starts from nothing. */
export function baseName(target: Target, family: Family): string | undefined {
  if (target.flavor.from) return baseReference(target, family);
  const { base } = builderOf(target).outside(target, family);
  return base && baseImageName(base);
}

/** The image that a target is based on, if it is in podman's storage. */
function baseOf(
  target: Target,
  family: Family,
  images: Map<string, LocalImage>,
  { base, pins }: Outside,
): BaseImage | undefined {
  if (!target.flavor.from) return base && localBase(base, images, pins);
  const name = baseReference(target, family) ?? "";
  const image = images.get(name);
  return image && { name, image };
}

/** Those that are in podman's storage. */
export function localSources(target: Target, family: Family, images: Map<string, LocalImage>): Sources {
  const outside = builderOf(target).outside(target, family);
  const { others, pins } = outside;
  const ids = others.map((image) => localBase({ image }, images, pins)?.image.id ?? "");
  return { base: baseOf(target, family, images, outside), others: ids };
}

/** Sees to it that those from outside are in podman's storage. @throws Failure with what was tried */
export async function ensureSources(
  target: Target,
  family: Family,
  images: Map<string, LocalImage>,
  progress: Progress,
): Promise<Sources> {
  const outside = builderOf(target).outside(target, family);
  const { base, others, pins } = outside;
  const ensure = (one: Base, of: string) => ensureBase(one, of, images, pins, progress);
  const of = target.flavor.containerfile ? target.reference : target.arch.name;
  const found = base && !target.flavor.from ? await ensure(base, of) : baseOf(target, family, images, outside);
  const ids: string[] = [];
  for (const image of others) ids.push((await ensure({ image }, target.reference)).image.id);
  return { base: found, others: ids };
}

/**
 * Asks the registries for newer ones, where nothing in the build upgrades them. One that cannot be fetched stays as it is, and that is said.
 * @returns whether anything was asked for
 */
export async function fetchNewerSources(target: Target, family: Family, progress: Progress): Promise<boolean> {
  const { base, others, renewed } = builderOf(target).outside(target, family);
  if (!renewed) return false;
  const own = base && !target.flavor.from ? [baseImageName(base)] : [];
  for (const name of [...own, ...others].filter((one) => !isOnlyLocal(one))) {
    const why = await fetchNewer(name, progress);
    if (why !== undefined)
      warn(`${name} could not be fetched again; the build uses the one in podman's storage: ${why}`);
  }
  return true;
}

/** The command lines that fetch a target's base, as a person would type them. */
export function baseCommands(target: Target, family: Family): string[] {
  const { base, pins } = builderOf(target).outside(target, family);
  if (!base || isOnlyLocal(baseImageName(base))) return [];
  const pull = `podman pull ${pinned(baseImageName(base), pins)}`;
  if (!("debian" in base)) return [pull];
  const suite = base.debian;
  return [
    pull,
    "# where no registry answers, these two instead, and --build-arg of the base that they make:",
    `# ${commandLine(["mmdebstrap", ...bootstrapArguments(suite), suite, "debian.tar"])}`,
    `# podman import debian.tar ${localDebian(suite)}    BASE=${localDebian(suite)}`,
  ];
}
