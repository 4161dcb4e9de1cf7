import { readdirSync } from "node:fs";
import { join } from "node:path";
import { toolRoot } from "../system/project.ts";
import { type ProjectText, readProjectFile } from "./project-file.ts";

/** Where recipes and helpers are: the project's own come first, then those that Slipway brings. */

const folder = "containerfiles";
const helpers = `${folder}/helpers`;

/** Slipway's own images, which no flavor is built by. */
const isToolbox = (name: string) => /^toolbox(-|$)/.test(name);

function namesIn(root: string, below: string): string[] {
  try {
    return readdirSync(join(root, below)).sort();
  } catch {
    return [];
  }
}

/** The project and then Slipway, which are the same in a checkout. */
const roots = (root: string) => [...new Set([root, toolRoot])];

/** The names of all recipes that a project can use. */
export function recipeNames(root: string): string[] {
  const files = roots(root).flatMap((at) => namesIn(at, folder));
  const names = files.flatMap((file) => /^(.+)\.Containerfile$/.exec(file)?.[1] ?? []);
  return [...new Set(names)].filter((name) => !isToolbox(name));
}

/** The names of all helpers that a project can use; what has a dot in its name is a part of one. */
export function helperNames(root: string): string[] {
  const names = roots(root).flatMap((at) => namesIn(at, helpers));
  return [...new Set(names)].filter((name) => !name.includes("."));
}

/** Whether the project has helpers of its own, which builds take after those of Slipway. */
export function hasOwnHelpers(root: string): boolean {
  return namesIn(root, helpers).length > 0;
}

/** Whether builds need a copy of Slipway's helpers: some of them are not among the project's own. */
export function lacksHelpers(root: string): boolean {
  const own = new Set(namesIn(root, helpers));
  return namesIn(toolRoot, helpers).some((name) => !own.has(name));
}

/** Slipway's helpers. */
export const toolHelpers = join(toolRoot, helpers);

/** Where a recipe is: the project's own root or Slipway's, the path from there, and its name in messages. */
function placeOf(root: string, name: string): { at: string; path: string; file: string } {
  const path = `${folder}/${name}.Containerfile`;
  const isOwn = root === toolRoot || namesIn(root, folder).includes(`${name}.Containerfile`);
  return isOwn ? { at: root, path, file: path } : { at: toolRoot, path, file: join(toolRoot, path) };
}

/** A recipe's name in messages: from the project's root, or in full where Slipway brings it. */
export const recipeName = (root: string, name: string): string => placeOf(root, name).file;

/** The text of a recipe, or why there is none; `file` is its name in messages. */
export function findRecipe(root: string, name: string): { file: string } & ProjectText {
  const { at, path, file } = placeOf(root, name);
  return { file, ...readProjectFile(at, path) };
}
