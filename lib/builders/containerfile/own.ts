import type { Family, Target } from "../../family/family.ts";
import { hasMarker, readRecipe } from "../../family/recipe.ts";
import { flavorsOf, reference } from "../../family/target.ts";
import { exit, Failure } from "../../system/errors.ts";
import { didYouMean } from "../../system/nearest.ts";
import { baseReference } from "../base-name.ts";
import type { BaseImage } from "../builder.ts";
import { expandLines, refreshArg, textOf } from "./expand.ts";
import { givenArgs } from "./given-args.ts";
import { type Containerfile, type ExpandedLine, parseContainerfile } from "./instructions.ts";
import { type OutsideImages, outsideImages } from "./outside.ts";
import { argNames } from "./variables.ts";

/** What is different about a Containerfile of the project's own. It is built as it stands. */

/** podman takes these without an ARG. Source: podman-build(1), --build-arg. */
const predefined = /^(https?|ftp|no|all)_proxy$/i;

/** The flavor whose image this is, of those that the target's arch has. */
function flavorCalled(image: string, { arch, flavor }: Target, family: Family): string | undefined {
  const others = flavorsOf(family, arch).filter(({ name }) => name !== flavor.name);
  return others.find(({ name }) => reference(family, name, arch.name) === image)?.name;
}

/**
 * Looks whether a flavor's YAML and its Containerfile fit.
 * @throws Failure (usage) for an argument that sets no ARG, for another base than `from` names, and for a flavor as base without `from`
 */
export function refuseOwn(target: Target, file: Containerfile, family: Family): void {
  const { flavor } = target;
  const { containerfile: own } = flavor;
  if (!own) return;
  const known = argNames(file);
  const unknown = Object.keys(own.args).find((name) => !known.includes(name) && !predefined.test(name));
  if (unknown !== undefined)
    throw new Failure(
      exit.usage,
      `${own.file}:1:1: no ARG is called ${unknown}, which containerfile.args sets${didYouMean(unknown, known)}`,
      { choices: [`its ARGs: ${known.join(" ") || "none"}`], next: `correct it in ${flavor.file}` },
    );
  const { base } = outsideImages(file, ownArgs(target, file, family));
  const below = flavor.from && baseReference(target, family);
  const called = below === undefined && base !== undefined ? flavorCalled(base, target, family) : undefined;
  if (called !== undefined)
    throw new Failure(exit.usage, `${own.file}:1:1: ${base} is the family's flavor ${called}`, {
      next: `\`from: ${called}\` in ${flavor.file}: then it is built first`,
    });
  if (below !== undefined && base !== below)
    throw new Failure(
      exit.usage,
      `${own.file}:1:1: it is based on ${base ?? "nothing that is known"}, but ${flavor.file} says \`from: ${flavor.from?.name}\``,
      { next: `ARG BASE before the first FROM, and FROM \${BASE}: its value is then ${below}` },
    );
}

/** Whether an ARG BASE of this file is ours to set. */
function takesBase({ flavor }: Target, file: Containerfile, { root }: Family): boolean {
  if (!file.globals.has("BASE")) return false;
  return !flavor.containerfile || !!flavor.from || hasMarker(readRecipe(root, flavor), "base");
}

/** The value of BASE, where it is another one than the file's default. @param base undefined while it is still to be made */
export function baseArg(
  target: Target,
  file: Containerfile,
  family: Family,
  base: BaseImage | undefined,
): Record<string, string> {
  if (!takesBase(target, file, family)) return {};
  const name = base?.name ?? (target.flavor.from && baseReference(target, family));
  return name === undefined || name === file.globals.get("BASE") ? {} : { BASE: name };
}

/** Build arguments of the flavor's YAML. */
export function ownArgs(target: Target, file: Containerfile, family: Family): Record<string, string> {
  const { containerfile: own } = target.flavor;
  return own ? { ...baseArg(target, file, family, undefined), ...own.args } : {};
}

/** A refresh builds all stages again, where the Containerfile does not say by an ARG of its own from where on. */
export function withRefresh(lines: ExpandedLine[], target: Target, file: Containerfile, stamp: string): ExpandedLine[] {
  if (!target.flavor.containerfile || !stamp || argNames(file).includes(refreshArg)) return lines;
  const ends = new Set(file.instructions.filter(({ keyword }) => keyword === "FROM").map(({ to }) => to));
  return lines.flatMap((l, i) => (ends.has(i + 1) ? [l, { text: `ARG ${refreshArg}=`, line: l.line }] : [l]));
}

/** The images that a target's Containerfile takes from outside. */
export function readOutside(target: Target, family: Family): OutsideImages {
  const lines = expandLines(target, family);
  const file = parseContainerfile(lines);
  return outsideImages(file, { ...ownArgs(target, file, family), ...givenArgs(textOf(lines), family) });
}
