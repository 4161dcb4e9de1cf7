import type { Flavor } from "./family.ts";
import { readProjectFile } from "./project-file.ts";

/** The Containerfile that a flavor is built by: a recipe of containerfiles/, or one of the project's own. */

/** Its path, from the project's root. */
export function recipeFile({ recipe, containerfile }: Pick<Flavor, "recipe" | "containerfile">): string {
  return containerfile?.file ?? `containerfiles/${recipe}.Containerfile`;
}

/** A Containerfile's name and lines. */
export interface Recipe {
  file: string;
  lines: string[];
}

/** A flavor's Containerfile; undefined where it cannot be read. */
export function readRecipe(root: string, flavor: Pick<Flavor, "recipe" | "containerfile">): Recipe | undefined {
  const file = recipeFile(flavor);
  const found = readProjectFile(root, file);
  return "text" in found ? { file, lines: found.text.split("\n") } : undefined;
}

/** Whether a Containerfile has the line `# @NAME`. */
export function hasMarker(recipe: Recipe | undefined, name: string): boolean {
  return recipe?.lines.includes(`# @${name}`) ?? false;
}
