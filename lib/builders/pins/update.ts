import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Family } from "../../family/family.ts";
import { findRecipe, recipeNames } from "../../family/recipe-files.ts";
import { allTargets } from "../../family/target.ts";
import { exit, Failure } from "../../system/errors.ts";
import { didYouMean } from "../../system/nearest.ts";
import { writeWhole } from "../../system/state-file.ts";
import type { Step } from "../../system/steps.ts";
import { type Pin, parsePins, pinLine, pinsFile } from "../../tools/pins.ts";
import { expandLines } from "../containerfile/expand.ts";
import { givenArgs } from "../containerfile/given-args.ts";
import { parseContainerfile } from "../containerfile/instructions.ts";
import { notPinned } from "../containerfile/not-pinned.ts";
import { newest } from "./newest.ts";

/** Every address without a pin that some target of the family takes. */
function allNotPinned(family: Family): string[] {
  const taken = allTargets(family).flatMap((target) =>
    notPinned(parseContainerfile(expandLines(target, family)), target, family),
  );
  return [...new Set(taken.map(({ address }) => address))];
}

/** Where the AUR is: what the user gave as a build argument, else what the recipes say. */
function aurOf(family: Family): string {
  const recipes = recipeNames(family.root).map((name) => findRecipe(family.root, name));
  const texts = recipes.map((recipe) => ("text" in recipe ? recipe.text : ""));
  const text = texts.find((one) => /^ARG AUR=/m.test(one)) ?? "";
  return givenArgs(text, family).AUR ?? /^ARG AUR=(\S+)$/m.exec(text)?.[1] ?? "https://aur.archlinux.org";
}

/** The text of a family's file of pins, with a line for everything that is taken from outside. */
export function pinsText(family: Family): string {
  const path = join(family.root, pinsFile);
  const text = existsSync(path) ? readFileSync(path, "utf8").replace(/\n*$/, "\n") : "";
  const known = new Set(parsePins(text).map(({ address }) => address));
  const missing = allNotPinned(family).filter((address) => !known.has(address));
  return (
    text +
    missing.map((address) => `${pinLine({ address, pin: undefined, day: undefined, follows: undefined })}\n`).join("")
  );
}

/** The named pins; all of them if none is named. @throws Failure (usage) for one that is not there */
export function choosePins(pins: Pin[], names: string[]): Pin[] {
  const lost = names.find((name) => !pins.some(({ address }) => address === name));
  if (lost === undefined) return names.length ? pins.filter(({ address }) => names.includes(address)) : pins;
  const all = pins.map(({ address }) => address);
  throw new Failure(exit.usage, `${lost} has no pin${didYouMean(lost, all)}`, { tried: all });
}

/** A pin, and what it has become. */
export interface LookedUp {
  pin: Pin;
  now: string;
}

/** One step for each pin, and none waits for another: a failed one does not stop the others. */
export function lookUpSteps(pins: Pin[], family: Family): Step<LookedUp>[] {
  const aur = aurOf(family);
  return pins.map((pin) => ({
    id: pin.address,
    title: pin.address,
    after: [],
    run: async () => ({ pin, now: await newest(pin, aur) }),
  }));
}

/** The text with the new pins; comments, order and all other lines stay. Pure. */
export function withNews(text: string, news: LookedUp[], day: string): string {
  const lines = text.split("\n");
  for (const { pin, now } of news) lines[pin.line - 1] = pinLine({ ...pin, pin: now, day });
  return lines.join("\n");
}

/** Written whole or not at all; a project without recipes of its own gets the folder. */
export function writePins(family: Family, text: string): void {
  mkdirSync(dirname(join(family.root, pinsFile)), { recursive: true });
  writeWhole(join(family.root, pinsFile), text);
}
