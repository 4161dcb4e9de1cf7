import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { didYouMean } from "../cli/nearest.ts";
import { linkFamily, type Manifest } from "./family.ts";
import { ManifestFailure, type Mistake } from "./mistakes.ts";
import { rules, type Source } from "./rules.ts";
import { familySchema, flavorSchema } from "./schema.ts";
import { YamlFile } from "./yaml-file.ts";

/**
 * Reads and checks `flavors/`: every file's shape first, then the links between them, then the rules of the field.
 * @throws ManifestFailure with all the mistakes at once.
 */
export function checkManifest(root: string): Manifest {
  const folder = join(root, "flavors");
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
  const manifest = head && { head, flavors: Object.fromEntries([...sources].map(([name, { data }]) => [name, data])) };
  const found = manifest
    ? rules.flatMap((rule) => rule({ family: linkFamily(manifest, root), sources, top, names }))
    : [];
  const mistakes = [...files.flatMap((f) => f.mistakes), ...links, ...found];
  if (mistakes.length || !manifest) throw new ManifestFailure(mistakes);
  return manifest;
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
