import type { FamilyFile, FlavorFile } from "./schema.ts";
import { usualRegistries } from "./usual-registries.ts";

/** The family as the rest of the program sees it: parsed, checked, linked. */

export type Base = { image: string } | { debian: string };

export interface Arch {
  name: string;
  title: string;
  /** What recipes start from; undefined where every flavor has a Containerfile of its own, which names its base. */
  base: Base | undefined;
  /** As OCI calls it, where the arch's name does not say it. */
  architecture?: string | undefined;
  needs: string[];
  repos: string[];
  runner: string[];
  /** When CI builds it, as cron writes it; at every time of the workflow if undefined. */
  schedule?: string | undefined;
  /** More tags of its images, such as `latest`. */
  tags?: string[] | undefined;
}

/** A Containerfile of the project's own. */
export type OwnContainerfile = Exclude<FlavorFile["containerfile"], string | undefined>;

export interface Flavor extends Omit<FlavorFile, "from" | "bootc" | "recipe" | "containerfile"> {
  /** One of these two is there. */
  recipe: string | undefined;
  containerfile: OwnContainerfile | undefined;
  name: string;
  file: string;
  from: Flavor | undefined;
  bootc: boolean;
}

export interface Family extends Omit<FamilyFile, "arches" | "openRegistries" | "refreshAfter" | "staleAfter"> {
  root: string;
  /** Registries that machines pull unsigned images from. */
  openRegistries: string[];
  /** Best first, as in family.yaml. */
  arches: Map<string, Arch>;
  /** A flavor comes after the one that it is based on. */
  flavors: Map<string, Flavor>;
  /** Seconds. */
  refreshAfter: number;
  /** Seconds. */
  staleAfter: number;
}

/** A flavor for an arch. */
export interface Target {
  arch: Arch;
  flavor: Flavor;
  /** The image's name, such as `ghcr.io/guara92/guaraos-cosmic:znver4`. */
  reference: string;
}

/** The flavor itself and all that it is based on, the lowest last. */
export function lineage(flavor: Flavor): Flavor[] {
  return [flavor, ...(flavor.from ? lineage(flavor.from) : [])];
}

const hours = { h: 1, d: 24, w: 168 };

/** "2d" → seconds. */
export function ageInSeconds(age: string): number {
  return Number(age.slice(0, -1)) * hours[age.slice(-1) as keyof typeof hours] * 3600;
}

/** What the files say, in the shape of the schema. */
export interface Manifest {
  head: FamilyFile;
  flavors: Record<string, FlavorFile>;
}

/** The files' content as the linked family. */
export function linkFamily({ head, flavors }: Manifest, root: string): Family {
  return {
    ...head,
    root,
    openRegistries: head.openRegistries ?? usualRegistries(head.registry),
    arches: new Map(Object.entries(head.arches).map(([name, a]) => [name, toArch(name, a)])),
    flavors: linkFlavors(flavors),
    refreshAfter: ageInSeconds(head.refreshAfter),
    staleAfter: ageInSeconds(head.staleAfter),
  };
}

function toArch(name: string, a: FamilyFile["arches"][string]): Arch {
  return { name, ...a, title: a.title ?? name, base: typeof a.base === "string" ? { image: a.base } : a.base };
}

/** The short form, a path alone, as the long one. */
function toOwn(file: FlavorFile["containerfile"]): OwnContainerfile | undefined {
  return typeof file === "string" ? { file, context: ".", args: {}, secrets: {} } : file;
}

/** Flavors with their bases in place, a base before what is based on it. Broken links are left out: they are mistakes. */
function linkFlavors(files: Record<string, FlavorFile>): Map<string, Flavor> {
  const done = new Map<string, Flavor>();
  const visit = (name: string, above: string[]): Flavor | undefined => {
    const file = Object.hasOwn(files, name) ? files[name] : undefined;
    if (!file || above.includes(name)) return undefined;
    const known = done.get(name);
    if (known) return known;
    const { from: base, ...data } = file;
    const from = base === undefined ? undefined : visit(base, [...above, name]);
    const flavor: Flavor = {
      ...data,
      recipe: data.recipe,
      containerfile: toOwn(data.containerfile),
      name,
      file: `flavors/${name}.yaml`,
      from,
      bootc: data.bootc ?? from?.bootc ?? false,
      install: { ...from?.install, ...data.install },
    };
    done.set(name, flavor);
    return flavor;
  };
  for (const name of Object.keys(files)) visit(name, []);
  return done;
}
