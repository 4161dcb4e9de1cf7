import type { ZodType } from "zod";
import { askText, canAsk } from "../../cli/prompts.ts";
import { exit, Failure } from "../../system/errors.ts";
import type { Base } from "../family.ts";
import { flavorName, imageName, looks, name as nameShape, registryName, title as titleShape } from "../shapes.ts";
import { recipeOfBase, standsAlone } from "../starter.ts";
import { type Found, plainName } from "./find.ts";
import { registryOf } from "./remote.ts";

/** What the command line said; what is absent is asked, or gets its default where nobody can be asked. */
export interface Given {
  name: string | undefined;
  title: string | undefined;
  registry: string | undefined;
  arch: string | undefined;
  base: string | undefined;
}

/** All about a project that is to be written. */
export interface NewProject {
  /** What its image is called in the registry: `{prefix}-{flavor}`. */
  name: string;
  prefix: string;
  flavor: string;
  title: string;
  registry: string;
  arch: string;
  /** What a flavor without a Containerfile starts from. */
  base: Base;
  key: string;
  found: Found;
}

/** Names that a flavor cannot have: the family's own file, and every flavor of an arch. */
const reserved = ["family", "all", "none"];

/**
 * Pure: an image's name as those of a family and a flavor, so that the image keeps its name in the registry: `my-image` is the flavor
 * `image` of `my`. A name of one word gets a flavor `main`.
 */
export function splitName(name: string, arch: string): { prefix: string; flavor: string } {
  const [, prefix = "", flavor = ""] = /^(.+)-([^-]+)$/.exec(name) ?? [];
  const good = flavorName.test(prefix) && !prefix.endsWith("-") && ![...reserved, arch].includes(flavor);
  return good ? { prefix, flavor } : { prefix: name, flavor: "main" };
}

/** What is wrong with a value by its shape in the manifest; undefined for a good one. */
function mistakeOf(shape: ZodType, text: string): string | undefined {
  const issue = shape.safeParse(text).error?.issues[0];
  if (!issue) return undefined;
  const look = looks.get(issue.message);
  return look ? `${issue.message}: ${look}` : issue.message;
}

async function choose(
  option: string,
  question: string,
  given: string | undefined,
  initial: string,
  check: (text: string) => string | undefined,
  mayAsk: boolean,
): Promise<string> {
  if (given === undefined && mayAsk) return askText(question, initial, check);
  const value = given ?? initial;
  const mistake = check(value);
  if (mistake === undefined) return value;
  throw new Failure(exit.usage, `init: --${option} \`${value}\` is ${mistake}`, { next: "bun run init --help" });
}

/** @throws Failure (usage) for what is no image, for one that no recipe can start from, and beside a Containerfile, which names its own */
function baseOf(given: string | undefined, { containerfile }: Found): Base {
  const base = given === undefined ? { debian: "trixie" } : { image: given };
  const mistake = "image" in base ? mistakeOf(imageName, base.image) : undefined;
  const wrong =
    mistake !== undefined
      ? `is ${mistake}`
      : containerfile !== undefined && given !== undefined
        ? `has no meaning here: ${containerfile} names its own base`
        : standsAlone(recipeOfBase(base))
          ? undefined
          : "is not a base that a recipe can build on";
  if (wrong === undefined) return base;
  throw new Failure(exit.usage, `init: --base \`${given}\` ${wrong}`, {
    choices: ["a bootc image of Fedora's kind, such as quay.io/fedora/fedora-bootc:43; without --base: Debian trixie"],
    next: "bun run init --help; any other base is the FROM of a Containerfile: docs/own-containerfile.md",
  });
}

/** "my-image" → "My image". */
const titled = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");

/**
 * Everything about a new project: from the command line, from the user in a terminal, or by what is here.
 * @throws Failure (usage) for what cannot be, with what it must look like.
 */
export async function decideProject(found: Found, given: Given, yes: boolean): Promise<NewProject> {
  const mayAsk = canAsk && !yes;
  const by = (shape: ZodType) => (text: string) => mistakeOf(shape, text);
  const plain = (text: string) =>
    mistakeOf(nameShape, text) ??
    (plainName(text) === text ? undefined : "not a name: small letters, digits and single dashes, up to 50");
  const name = await choose("name", "What is the image called?", given.name, found.name, plain, mayAsk);
  const title = await choose("title", "Its title, for lists?", given.title, titled(name), by(titleShape), mayAsk);
  const registry = registryOf(found.remote) ?? `localhost/${name}`;
  const place = await choose("registry", "In which registry?", given.registry, registry, by(registryName), mayAsk);
  const arch = await choose("arch", "For which arch?", given.arch, "amd64", by(nameShape), mayAsk);
  const { prefix, flavor } = splitName(name, arch);
  const base = baseOf(given.base, found);
  return { name, prefix, flavor, title, registry: place, arch, base, key: found.key ?? `${name}.pub`, found };
}
