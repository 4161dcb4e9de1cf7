import type { Arch, Family } from "../family/family.ts";
import { type LocalImage, localImages } from "../oci/storage.ts";
import { askRegistry } from "../system/machine.ts";
import { readPins } from "../tools/pins.ts";
import { localBase } from "./base.ts";

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
    if ("debian" in arch.base) return undefined;
    local ??= localImages().catch(() => new Map()); // without podman there are none
    if (localBase(arch, await local, readPins(root))) return undefined;
    const [registry = ""] = arch.base.image.split("/");
    const known = answers.get(registry) ?? askRegistry(registry, patience).then((answer) => answer.answers);
    answers.set(registry, known);
    return (await known) ? undefined : `${registry} does not answer`;
  };
}
