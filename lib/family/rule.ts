import { type Family, type Flavor, lineage } from "./family.ts";
import type { Mistake } from "./mistakes.ts";
import type { OverlayFile } from "./overlay.ts";
import type { FlavorFile } from "./schema.ts";
import type { YamlFile } from "./yaml-file.ts";

/** A flavor's file beside what it says. */
export interface Source {
  name: string;
  yaml: YamlFile;
  data: FlavorFile;
  /** False when wrong parts of it were left out. */
  whole: boolean;
}

/** What a rule may look at. */
export interface Checked {
  family: Family;
  sources: Map<string, Source>;
  /** family.yaml */
  top: YamlFile;
  topWhole: boolean;
  /** All flavor names, those that could not be read too. */
  names: string[];
  /** The folders of overlays/. */
  folders: string[];
  /** What lies beside these folders and is none. */
  strays: string[];
  /** The files in them, read once for all rules. */
  overlays: OverlayFile[];
}

/** A rule of the field: the mistakes that it finds. */
export type Rule = (c: Checked) => Mistake[];

/** Runs a rule on each flavor that could be read. */
export function eachFlavor(check: (flavor: Flavor, source: Source, c: Checked) => Mistake[]): Rule {
  return (c) =>
    [...c.sources.values()].flatMap((source) => {
      const flavor = c.family.flavors.get(source.name);
      return flavor ? check(flavor, source, c) : [];
    });
}

/** Whether all that a flavor says it is based on is there, down to one that is based on none: no circle, no unknown base. */
export function isLinked(flavor: Flavor, sources: Map<string, Source>): boolean {
  return lineage(flavor).every((f) => sources.get(f.name)?.data.from === f.from?.name);
}

/** Runs a rule on each file of the overlays. */
export function eachOverlayFile(check: (file: OverlayFile, c: Checked) => Mistake[]): Rule {
  return (c) => c.overlays.flatMap((file) => check(file, c));
}

/** Every package that a flavor names, with its place in the YAML. */
export function packagesOf({ groups, aur }: Pick<FlavorFile, "groups" | "aur">) {
  const grouped = Object.entries(groups).flatMap(([group, { packages, replace }]) => [
    ...packages.map((name, i) => ({ name, group, at: ["groups", group, "packages", i] })),
    ...Object.entries(replace).map(([old, name]) => ({ name, group, at: ["groups", group, "replace", old] })),
  ]);
  const built = (aur?.packages ?? []).map((name, i) => ({ name, group: "aur", at: ["aur", "packages", i] }));
  return [...grouped, ...built];
}

/** What a flavor and all that it is based on ask for under a key of `units`. */
export function unitsOf(flavor: Flavor, key: keyof FlavorFile["units"]): string[] {
  return lineage(flavor).flatMap((f) => f.units[key]);
}
