import type { Arch, Family, Target } from "../family/family.ts";
import { reference } from "../family/target.ts";

/** The real name of an arch's own base image, with its tag. */
export function baseImageName({ base }: Arch): string {
  if ("debian" in base) return `docker.io/library/debian:${base.debian}`;
  return /[:@][^/]*$/.test(base.image) ? base.image : `${base.image}:latest`;
}

/** The image that a target is based on, by its real name. */
export function baseReference({ arch, flavor }: Target, family: Family): string {
  return flavor.from ? reference(family, flavor.from.name, arch.name) : baseImageName(arch);
}
