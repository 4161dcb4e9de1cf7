import type { Base, Family, Target } from "../family/family.ts";
import { reference } from "../family/target.ts";

/** The real name of a base image, with its tag. */
export function baseImageName(base: Base): string {
  if ("debian" in base) return `docker.io/library/debian:${base.debian}`;
  return /[:@][^/]*$/.test(base.image) ? base.image : `${base.image}:latest`;
}

/**
 * The image that a recipe starts from, by its real name: of the flavor that it is based on, or the arch's own.
 * @returns undefined where the arch has none: then the flavor's own Containerfile names it
 */
export function baseReference({ arch, flavor }: Target, family: Family): string | undefined {
  if (flavor.from) return reference(family, flavor.from.name, arch.name);
  return arch.base && baseImageName(arch.base);
}
