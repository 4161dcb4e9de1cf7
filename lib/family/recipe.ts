import type { Flavor } from "./family.ts";
import { type ProjectText, readProjectFile } from "./project-file.ts";
import { findRecipe, recipeName } from "./recipe-files.ts";

/** The Containerfile that a flavor is built by: a recipe, or one of the project's own. */
type Built = Pick<Flavor, "recipe" | "containerfile">;

/**
 * Its text, or why there is none.
 * @returns `file` names it in messages: from the project's root, or in full where Slipway brings it.
 */
export function recipeSource(root: string, { recipe = "", containerfile }: Built): { file: string } & ProjectText {
  if (!containerfile) return findRecipe(root, recipe);
  return { file: containerfile.file, ...readProjectFile(root, containerfile.file) };
}

/** Its name in messages; nothing is read. */
export function recipeFile(root: string, { recipe = "", containerfile }: Built): string {
  return containerfile?.file ?? recipeName(root, recipe);
}

/** A Containerfile's name and lines. */
export interface Recipe {
  file: string;
  lines: string[];
}

/** A flavor's Containerfile; undefined where it cannot be read. */
export function readRecipe(root: string, flavor: Built): Recipe | undefined {
  const found = recipeSource(root, flavor);
  return "text" in found ? { file: found.file, lines: found.text.split("\n") } : undefined;
}

/** Whether a Containerfile has the line `# @NAME`. */
export function hasMarker(recipe: Recipe | undefined, name: string): boolean {
  return recipe?.lines.includes(`# @${name}`) ?? false;
}
