/** What the stand-in has to offer so that the flavors' definitions can be built: read from the YAML itself. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export type Wanted = {
  /** Every package that a group asks for or puts in place of another. */
  packages: string[];
  /** What is replaced: there before, because something needs it. */
  replaced: string[];
  aur: string[];
  units: string[];
  /** Files that the image must have, whoever brings them. */
  files: string[];
};

type Group = { packages?: string[]; replace?: Record<string, string> };
type Flavor = {
  recipe?: string;
  groups?: Record<string, Group>;
  aur?: { packages?: string[] };
  units?: Record<string, string[]>;
  smoke?: { files?: string[] };
};

const sorted = (values: Iterable<string>) => [...new Set(values)].sort();

/** The flavors that are made with pacman. */
function archFlavors(project: string): Flavor[] {
  const folder = join(project, "flavors");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml") && name !== "family.yaml")
    .map((name) => parse(readFileSync(join(folder, name), "utf8")) as Flavor)
    .filter(({ recipe }) => recipe === "arch" || recipe === "desktop");
}

export function wanted(project: string): Wanted {
  const flavors = archFlavors(project);
  const groups = flavors.flatMap((flavor) => Object.values(flavor.groups ?? {}));
  return {
    packages: sorted(groups.flatMap((group) => [...(group.packages ?? []), ...Object.values(group.replace ?? {})])),
    replaced: sorted(groups.flatMap((group) => Object.keys(group.replace ?? {}))),
    aur: sorted(flavors.flatMap((flavor) => flavor.aur?.packages ?? [])),
    units: sorted(
      flavors.flatMap((flavor) => [...(flavor.units?.enable ?? []), ...(flavor.units?.["user-enable"] ?? [])]),
    ),
    files: sorted(flavors.flatMap((flavor) => flavor.smoke?.files ?? [])),
  };
}

/** Files of all overlays, as paths in an image without a leading slash. */
export function overlayFiles(project: string): string[] {
  const folder = join(project, "overlays");
  return readdirSync(folder).flatMap((flavor) =>
    readdirSync(join(folder, flavor), { recursive: true, encoding: "utf8" }),
  );
}
