import type { Flavor } from "./family.ts";
import { type ProjectText, readProjectFile } from "./project-file.ts";
import { findRecipe } from "./recipe-files.ts";

/** The Containerfile that a flavor is built by: a recipe of containerfiles/, or one of the project's own. */

type Built = Pick<Flavor, "recipe" | "containerfile">;

/** Its path, from the project's root or, of a recipe that Slipway brings, from Slipway's. */
export function recipeFile({ recipe, containerfile }: Built): string {
  return containerfile?.file ?? `containerfiles/${recipe}.Containerfile`;
}

/** A Containerfile's name and lines. */
export interface Recipe {
  file: string;
  lines: string[];
}

/** The text of a flavor's Containerfile, or why there is none; `file` names it in messages. */
export function recipeText(root: string, flavor: Built): { file: string } & ProjectText {
  if (flavor.containerfile || flavor.recipe === undefined) {
    const file = recipeFile(flavor);
    return { file, ...readProjectFile(root, file) };
  }
  return findRecipe(root, flavor.recipe);
}

/** A flavor's Containerfile; undefined where it cannot be read. */
export function readRecipe(root: string, flavor: Built): Recipe | undefined {
  const found = recipeText(root, flavor);
  return "text" in found ? { file: found.file, lines: found.text.split("\n") } : undefined;
}

/** Whether a Containerfile has the line `# @NAME`. */
export function hasMarker(recipe: Recipe | undefined, name: string): boolean {
  return recipe?.lines.includes(`# @${name}`) ?? false;
}
