import type { FamilyFile, FlavorFile } from "./schema.ts";

/** The family as the rest of the program sees it: parsed, checked, linked. */

export type Base = { image: string } | { debian: string };

export interface Arch {
  name: string;
  title: string;
  base: Base;
  needs: string[];
  repos: string[];
  runner: string[];
}

export interface Flavor extends Omit<FlavorFile, "from" | "bootc"> {
  name: string;
  file: string;
  from: Flavor | undefined;
  bootc: boolean;
}

export interface Family extends Omit<FamilyFile, "arches" | "refreshAfter"> {
  root: string;
  /** Best first, as in family.yaml. */
  arches: Map<string, Arch>;
  /** A flavor comes after the one that it stands on. */
  flavors: Map<string, Flavor>;
  /** Seconds. */
  refreshAfter: number;
}

/** A flavor for an arch. */
export interface Target {
  arch: Arch;
  flavor: Flavor;
  /** The image's name, such as `ghcr.io/guara92/guaraos-cosmic:znver4`. */
  reference: string;
}

/** The flavor itself and all that it stands on, the lowest last. */
export function lineage(flavor: Flavor): Flavor[] {
  return [flavor, ...(flavor.from ? lineage(flavor.from) : [])];
}

const hours = { h: 1, d: 24, w: 168 };

/** "2d" → seconds. */
export function ageInSeconds(age: string): number {
  return Number(age.slice(0, -1)) * hours[age.slice(-1) as keyof typeof hours] * 3600;
}
