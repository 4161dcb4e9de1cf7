import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { linkFamily, type Manifest } from "./family.ts";
import { ManifestFailure, type Mistake } from "./mistakes.ts";
import { isAside, readOverlays } from "./overlay.ts";
import type { Rule, Source } from "./rule.ts";
import { rules } from "./rules.ts";
import { type FamilyFile, familySchema, flavorFile, flavorSchema } from "./schema.ts";
import { flavorName } from "./shapes.ts";
import { YamlFile } from "./yaml-file.ts";

/** Stand in for what a file must say and does not; a rule that would stumble over them looks at `whole` first. */
const noHead = {
  name: "x",
  title: "x",
  registry: "x.invalid",
  prefix: "x",
  key: "x",
  default: { arch: "x", flavor: "x" },
  arches: {},
};
const noFlavor = { title: "x", arches: ["x"] };

/**
 * Reads and checks `flavors/`: the shape of every file, then the rules of the field. A file with a wrong part is
 * checked without that part, so that all the mistakes of a run are shown at once.
 * @param besides rules that are left out.
 * @throws ManifestFailure with all of them.
 */
export function checkManifest(root: string, besides: Rule[] = []): Manifest {
  const { manifest, mistakes } = findMistakes(
    root,
    rules.map(({ find }) => find).filter((rule) => !besides.includes(rule)),
  );
  if (mistakes.length || !manifest) throw new ManifestFailure(mistakes);
  return manifest;
}

/** A file is there; whether it can be read shows when it is opened. */
function isThere(path: string): boolean {
  try {
    return !statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What the name of a file of flavors/ gets wrong. */
function nameMistakes(entry: string, readable: boolean): Mistake[] {
  const file = `flavors/${entry}`;
  const name = entry.replace(/\.[^.]*$/, "");
  const look = "flavors/NAME.yaml, NAME of small letters, digits and dashes";
  const message = readable ? "nothing that Slipway reads" : "not a readable file";
  if (!readable || !entry.endsWith(".yaml")) return [{ file, message, expected: look }];
  return flavorName.test(name) ? [] : [{ file, message: `\`${name}\` is no name of a flavor`, expected: look }];
}

function findMistakes(root: string, applied: Rule[]): { manifest: Manifest | undefined; mistakes: Mistake[] } {
  const folder = join(root, "flavors");
  const open = (name: string) => YamlFile.open(root, `flavors/${name}`);
  const top = open("family.yaml");
  const head = top.read(familySchema, noHead);

  const files: YamlFile[] = [top];
  const sources = new Map<string, Source>();
  const names: string[] = [];
  const misnamed: Mistake[] = [];
  for (const entry of readdirSync(folder).sort()) {
    if (isAside(entry) || entry === "family.yaml") continue;
    const readable = isThere(join(folder, entry));
    misnamed.push(...nameMistakes(entry, readable));
    if (!readable || !entry.endsWith(".yaml")) continue;
    const name = entry.slice(0, -".yaml".length);
    const yaml = open(entry);
    files.push(yaml);
    names.push(name);
    const read = yaml.read(flavorSchema(yaml.value("builder")), noFlavor);
    if (read) sources.set(name, { name, yaml, data: flavorFile(read.data), whole: read.whole });
  }

  const flavors = Object.fromEntries([...sources].map(([name, { data }]) => [name, data]));
  const family = linkFamily({ head: head?.data ?? emptyHead, flavors }, root);
  const { folders, files: overlays, strays } = readOverlays(root);
  const checked = { family, sources, top, topWhole: head?.whole ?? false, names, folders, strays, overlays };
  const shapes = [...misnamed, ...files.flatMap((f) => f.mistakes)];
  // A rule stumbles over what stands in for a wrong part: that part has been told.
  const told = new Set(shapes.map(placeOf));
  const found = applied.flatMap((rule) => rule(checked)).filter((m) => m.line === undefined || !told.has(placeOf(m)));
  const manifest = head?.whole ? { head: head.data, flavors } : undefined;
  return { manifest, mistakes: [...shapes, ...found].sort(byPlace) };
}

const emptyHead: FamilyFile = familySchema.parse(noHead);

const placeOf = ({ file, line, column }: Mistake) => `${file}:${line}:${column}`;

/** family.yaml first, then flavors, then all else; within a file from top to bottom. */
function byPlace(a: Mistake, b: Mistake): number {
  const rank = ({ file }: Mistake) => (file === "flavors/family.yaml" ? 0 : file.startsWith("flavors/") ? 1 : 2);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
