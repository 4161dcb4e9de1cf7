import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { asWritten } from "../cli/invocation.ts";
import { askText, canAsk, chooseMany, chooseOne } from "../cli/prompts.ts";
import { exit, Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { didYouMean } from "../system/nearest.ts";
import { type Family, type Flavor, lineage } from "./family.ts";
import { loadFamilyToGrow } from "./manifest.ts";
import { readOverlays } from "./overlay.ts";
import { displayManagers } from "./rules.ts";
import { type Beginning, flavorYaml, overlayText, recipeOfBase, standsAlone } from "./starter.ts";

export interface NewFlavor extends Beginning {
  name: string;
}

/** What the command line said; what is absent is asked, or gets its default where nobody can be asked. */
export interface Given {
  name: string | undefined;
  title: string | undefined;
  from: string | undefined;
  arches: string | undefined;
  displayManager: string | undefined;
}

/** Names that mean something else: the family's own file, and every flavor of an arch. */
const reserved = ["family", "all", "none"];

/** What is wrong with a name; undefined for a good one. */
export function nameMistake(family: Family, name: string): string | undefined {
  if (name === "") return "a flavor needs a name";
  if (family.flavors.has(name)) return `there is a flavor ${name} already: flavors/${name}.yaml`;
  if (reserved.includes(name)) return `\`${name}\` has a meaning of its own and names no flavor`;
  if (family.arches.has(name)) return `\`${name}\` is an arch`;
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) return `\`${name}\` is no name: small letters, digits and dashes`;
  return undefined;
}

/** The nearest good name to a bad one. */
export function goodName(family: Family, name: string): string {
  const words = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const good = words.replace(/^-+|-+$/g, "") || "my-flavor";
  return nameMistake(family, good) === undefined ? good : `${good}-2`;
}

function usage(what: string, choices: string[], next = "bun run new-flavor --help"): Failure {
  return new Failure(exit.usage, what, { choices, next });
}

/** The recipe of the flavors that are based on no other, for an arch; undefined for an arch without a base. */
function rootRecipe(family: Family, arch: string): string | undefined {
  const root = [...family.flavors.values()].find((f) => f.recipe && !f.from && f.arches.includes(arch));
  const base = family.arches.get(arch)?.base;
  return root?.recipe ?? (base && recipeOfBase(base));
}

/** A flavor is built as its siblings are; without one, as its base is. Undefined where all have Containerfiles of their own. */
export function recipeOn(family: Family, from: Flavor): string | undefined {
  return [...family.flavors.values()].find((f) => f.recipe && f.from === from)?.recipe ?? from.recipe;
}

/** The arches that a flavor on this base (or on none) can have. */
export function possibleArches(family: Family, from: Flavor | undefined): string[] {
  return from
    ? from.arches
    : [...family.arches.keys()].filter((arch) => {
        const recipe = rootRecipe(family, arch);
        return recipe !== undefined && standsAlone(recipe);
      });
}

async function chooseName(family: Family, given: string | undefined, mayAsk: boolean): Promise<string> {
  if (given === undefined && !mayAsk) throw usage("new-flavor: which name?", [], "bun run new-flavor NAME");
  if (given === undefined) return askText("What is it called?", "", (text) => nameMistake(family, text));
  const mistake = nameMistake(family, given);
  if (mistake === undefined) return given;
  const other = `bun run new-flavor ${goodName(family, given)}`;
  throw usage(mistake, [], family.flavors.has(given) ? `change that file, or ${other}` : other);
}

async function chooseTitle(name: string, given: string | undefined, mayAsk: boolean): Promise<string> {
  const usual = name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");
  const wrong = (text: string) => (text.trim() ? undefined : "a title needs a letter or two");
  const title = given ?? (mayAsk ? await askText("Its title, as in lists?", usual, wrong) : usual);
  if (wrong(title)) throw usage("new-flavor: --title is empty", []);
  return title.trim().replaceAll(/\s+/g, " ");
}

async function chooseBase(family: Family, given: string | undefined, mayAsk: boolean): Promise<Flavor | undefined> {
  const names = [...family.flavors.keys()];
  const alone = possibleArches(family, undefined);
  const none = { value: "none", title: `none: the base image of ${alone.join(" or ")} itself` };
  const choices = [...family.flavors.values()].map((f) => ({
    value: f.name,
    title: `${f.name}: ${f.title} (${f.arches.join(" ")})`,
    selected: f.name === family.default.flavor,
  }));
  const name =
    given ??
    (mayAsk ? await chooseOne("What is it based on?", [...choices, ...(alone.length ? [none] : [])]) : undefined) ??
    family.default.flavor;
  if (name === "none") return undefined;
  const from = family.flavors.get(name);
  if (from) return from;
  const all = [...names, "none"];
  throw usage(`unknown base \`${name}\`${didYouMean(name, all)}`, [`the flavors, or none: ${all.join(" ")}`]);
}

async function chooseArches(
  family: Family,
  from: Flavor | undefined,
  given: string | undefined,
  mayAsk: boolean,
): Promise<string[]> {
  const possible = possibleArches(family, from);
  const titled = possible.map((value) => ({
    value,
    title: `${value}: ${family.arches.get(value)?.title ?? ""}`,
    selected: true,
  }));
  if (given === undefined) return mayAsk && possible.length > 1 ? chooseMany("For which arches?", titled) : possible;
  const wanted = given.split(/[\s,]+/).filter(Boolean);
  const on = from ? `the arches of ${from.name}` : "the arches that a flavor without a base can have";
  const offered = [`${on}: ${possible.join(" ")}`];
  for (const name of wanted) {
    if (possible.includes(name)) continue;
    if (!family.arches.has(name)) throw usage(`unknown arch \`${name}\`${didYouMean(name, possible)}`, offered);
    const why = from ? `${from.name} does not exist for ${name}` : `for ${name} it must be based on a flavor`;
    throw usage(`${why}; choose ${possible.join(" or ")}`, offered);
  }
  if (wanted.length === 0) throw usage("new-flavor: --arches names none", offered);
  return possible.filter((name) => wanted.includes(name));
}

async function chooseDisplayManager(
  from: Flavor | undefined,
  given: string | undefined,
  mayAsk: boolean,
): Promise<string | undefined> {
  const has = from && lineage(from).find((f) => f.displayManager);
  const known = ["none", ...displayManagers];
  const offered = [`the display managers: ${known.join(" ")}`];
  if (given !== undefined && !known.includes(given))
    throw usage(`unknown display manager \`${given}\`${didYouMean(given, known)}`, offered);
  if (has && given !== undefined && given !== "none" && given !== has.displayManager)
    throw usage(`${has.name} has ${has.displayManager} already; an image has one display manager`, []);
  if (has) return undefined;
  const choices = known.map((value) => ({ value, title: value, selected: value === "none" }));
  const name = given ?? (mayAsk ? await chooseOne("Which display manager?", choices) : "none");
  return name === "none" ? undefined : name;
}

/**
 * Everything about a new flavor, from the command line, from the user in a terminal, or by default.
 * @throws Failure (usage) for what cannot be, with the choices.
 */
export async function decideNewFlavor(family: Family, given: Given, yes: boolean): Promise<NewFlavor> {
  const mayAsk = canAsk && !yes;
  const name = await chooseName(family, given.name, mayAsk);
  const title = await chooseTitle(name, given.title, mayAsk);
  const from = await chooseBase(family, given.from, mayAsk);
  const arches = await chooseArches(family, from, given.arches, mayAsk);
  const recipes = new Set(from ? [recipeOn(family, from)] : arches.map((arch) => rootRecipe(family, arch)));
  const [recipe, ...others] = recipes;
  if (others.length) throw usage(`${arches.join(" and ")} are built by different recipes: ${[...recipes]}`, []);
  if (recipe === undefined) {
    const what = from
      ? `${from.name} has a Containerfile of its own`
      : "no arch has a base that a recipe can start from";
    const next = `write flavors/${name}.yaml with \`containerfile: PATH\`: docs/own-containerfile.md`;
    throw usage(`${what}, and there is no recipe for a flavor on it`, [], next);
  }
  return {
    name,
    title,
    from,
    arches,
    recipe,
    displayManager: await chooseDisplayManager(from, given.displayManager, mayAsk),
  };
}

/** Places of the files that lie in an overlay folder already, as `smoke.files` can have them. */
function shippedAlready(root: string, name: string): string[] {
  return readOverlays(root).files.flatMap(({ flavor, place, link }) =>
    flavor === name && link === undefined && /^[\w./@+-]+$/.test(place) ? [place] : [],
  );
}

/**
 * Writes the flavor's YAML and an overlay folder with one file; an overlay folder that is there is taken as it is.
 * @returns the files, from the project's root.
 * @throws Failure when the manifest is not good with them; then they are gone again.
 */
export async function writeNewFlavor(family: Family, flavor: NewFlavor): Promise<string[]> {
  const overlay = `overlays/${flavor.name}`;
  const readme = `/usr/share/${family.prefix}/${flavor.name}/README`;
  const adopted = existsSync(join(family.root, overlay));
  const shipped = adopted ? shippedAlready(family.root, flavor.name).slice(0, 5) : [readme];
  const files = new Map([[`flavors/${flavor.name}.yaml`, asWritten(flavorYaml(flavor.name, flavor, shipped))]]);
  if (!adopted) files.set(overlay + readme, overlayText(flavor.name, flavor.title, readme));
  /** What was made here and nothing else, folders by the first one that was new. */
  const made: string[] = [];
  const removeMade = () => {
    for (const path of made.reverse()) rmSync(path, { recursive: true, force: true });
  };
  const forget = onInterrupt(async () => removeMade());
  try {
    for (const [path, text] of files) {
      const folder = mkdirSync(dirname(join(family.root, path)), { recursive: true });
      if (folder !== undefined) made.push(folder);
      writeFileSync(join(family.root, path), text, { flag: "wx" });
      made.push(join(family.root, path));
    }
    await loadFamilyToGrow(family.root);
  } catch (error) {
    removeMade();
    const why = error instanceof Error ? error.message : String(error);
    throw new Failure(exit.failed, `${flavor.name} would not be good, and was removed again:\n${why}`);
  } finally {
    forget();
  }
  return [...files.keys()];
}
