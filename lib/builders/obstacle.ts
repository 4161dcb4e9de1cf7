import type { Arch, Family } from "../family/family.ts";
import { allTargets } from "../family/target.ts";
import { parseReference } from "../oci/reference.ts";
import { type LocalImage, localImages } from "../oci/storage.ts";
import { Failure } from "../system/errors.ts";
import { askRegistry } from "../system/machine.ts";
import { readPins } from "../tools/pins.ts";
import { builderOf } from "./all.ts";
import { isOnlyLocal, localBase } from "./base.ts";
import { baseImageName } from "./base-name.ts";

/** The base images of a family's targets that have no flavor below them, by name, those in podman's storage only left out. */
export function baseImages(family: Family): string[] {
  const targets = allTargets(family).filter(({ flavor }) => !flavor.from);
  const names = targets.flatMap((target) => {
    try {
      const { base } = builderOf(target).outside(target, family);
      return base ? [baseImageName(base)] : [];
    } catch (error) {
      if (error instanceof Failure) return []; // a build or lint says what is wrong
      throw error;
    }
  });
  // a name without a host is of Docker Hub, or of another registry that podman's settings name
  return [...new Set(names)].filter((name) => parseReference(name) && !isOnlyLocal(name));
}

/** Milliseconds that a registry may take before a question is asked without its answer. */
const patience = 1500;

/**
 * Finds what keeps an arch's base image away: it is not in podman's storage, and its registry does not answer. A Debian base
 * needs no registry: it can be made from packages.
 * @returns a function that says so in a few words, or undefined. Every registry is asked once, and only if need be.
 */
export function baseObstacles({ root }: Family): (arch: Arch) => Promise<string | undefined> {
  let local: Promise<Map<string, LocalImage>> | undefined;
  const answers = new Map<string, Promise<boolean>>();
  return async (arch) => {
    if (!arch.base || "debian" in arch.base) return undefined;
    local ??= localImages().catch(() => new Map()); // without podman there are none
    if (localBase(arch.base, await local, readPins(root))) return undefined;
    const [registry = ""] = arch.base.image.split("/");
    const known = answers.get(registry) ?? askRegistry(registry, patience).then((answer) => answer.answers);
    answers.set(registry, known);
    return (await known) ? undefined : `${registry} does not answer`;
  };
}
