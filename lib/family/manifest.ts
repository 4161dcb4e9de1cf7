import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../cli/errors.ts";
import { didYouMean } from "../cli/nearest.ts";
import { projectRoot } from "../cli/project.ts";
import { type Arch, ageInSeconds, type Family, type Flavor } from "./family.ts";
import { ManifestFailure, type Mistake } from "./mistakes.ts";
import { rules } from "./rules.ts";
import { type FamilyFile, type FlavorFile, familySchema, flavorSchema } from "./schema.ts";
import { YamlFile } from "./yaml-file.ts";

/** A flavor's file beside what it says. */
export interface Source {
  name: string;
  yaml: YamlFile;
  data: FlavorFile;
}

/**
 * Reads and checks `flavors/`: every file's shape first, then the links between them, then the rules of the field.
 * @throws ManifestFailure with all the mistakes at once; Failure (usage) where there is no manifest.
 */
export function loadFamily(root = projectRoot): Family {
  const folder = join(root, "flavors");
  if (!existsSync(join(folder, "family.yaml")))
    throw new Failure(exit.usage, "there is no flavors/family.yaml here", {
      tried: [join(folder, "family.yaml")],
      next: "run this in a Slipway checkout, or set SLIPWAY_PROJECT to one",
    });
  const open = (name: string) => new YamlFile(`flavors/${name}`, readFileSync(join(folder, name), "utf8"));
  const top = open("family.yaml");
  const head = top.read(familySchema, familySchema.shape);

  const files: YamlFile[] = [top];
  const sources = new Map<string, Source>();
  const names: string[] = [];
  for (const entry of readdirSync(folder).sort()) {
    if (!entry.endsWith(".yaml") || entry === "family.yaml") continue;
    const name = entry.slice(0, -".yaml".length);
    const yaml = open(entry);
    files.push(yaml);
    names.push(name);
    const data = yaml.read(flavorSchema, flavorSchema.shape);
    if (data) sources.set(name, { name, yaml, data });
  }

  const links = linkMistakes(sources, names);
  const family = head && {
    ...head,
    root,
    arches: new Map(Object.entries(head.arches).map(([name, a]) => [name, toArch(name, a)])),
    flavors: link(sources),
    refreshAfter: ageInSeconds(head.refreshAfter),
  };
  const found: Mistake[] = family ? rules.flatMap((rule) => rule({ family, sources, top, names })) : [];
  const mistakes = [...files.flatMap((f) => f.mistakes), ...links, ...found];
  if (mistakes.length || !family) throw new ManifestFailure(mistakes);
  return family;
}

function toArch(name: string, a: FamilyFile["arches"][string]): Arch {
  return { name, ...a, title: a.title ?? name, base: typeof a.base === "string" ? { image: a.base } : a.base };
}

/** Bases that do not exist, and circles of bases. */
function linkMistakes(sources: Map<string, Source>, names: string[]): Mistake[] {
  return [...sources.values()].flatMap(({ name, yaml, data }) => {
    const { from } = data;
    if (from === undefined) return [];
    if (!names.includes(from))
      return yaml.mistake(
        ["from"],
        `unknown base \`${from}\`${didYouMean(from, names)}`,
        `a flavor: ${names.join(", ")}`,
      );
    const way = [name];
    for (let at: string | undefined = from; at !== undefined; at = sources.get(at)?.data.from) {
      way.push(at);
      if (at === name)
        return yaml.mistake(["from"], `a circle of bases: ${way.join(" → ")}`, "a base that stands on its own");
      if (way.length > names.length) break;
    }
    return [];
  });
}

/** Flavors with their bases in place, a base before what stands on it. Broken links are left out: they are mistakes. */
function link(sources: Map<string, Source>): Map<string, Flavor> {
  const done = new Map<string, Flavor>();
  const visit = (name: string, above: string[]): Flavor | undefined => {
    const source = sources.get(name);
    if (!source || above.includes(name)) return undefined;
    const known = done.get(name);
    if (known) return known;
    const { from: base, ...data } = source.data;
    const from = base === undefined ? undefined : visit(base, [...above, name]);
    const flavor: Flavor = { ...data, name, file: source.yaml.name, from, bootc: data.bootc ?? from?.bootc ?? false };
    done.set(name, flavor);
    return flavor;
  };
  for (const name of sources.keys()) visit(name, []);
  return done;
}
