import type { Family } from "../../family/family.ts";
import { readProjectFile } from "../../family/project-file.ts";
import { findRecipe, recipeNames } from "../../family/recipe-files.ts";
import { exit, Failure } from "../../system/errors.ts";
import { didYouMean } from "../../system/nearest.ts";
import { linesOf, parseContainerfile } from "./instructions.ts";
import { argNames } from "./variables.ts";

function argsOf(containerfile: string): string[] {
  return argNames(parseContainerfile(linesOf(containerfile)));
}

/** Every ARG that some recipe or flavor of the family knows. */
function knownArgs(family: Family): Set<string> {
  const own = [...family.flavors.values()].flatMap(({ containerfile }) => (containerfile ? [containerfile.file] : []));
  const found = [
    ...recipeNames(family.root).map((name) => findRecipe(family.root, name)),
    ...[...new Set(own)].map((name) => readProjectFile(family.root, name)),
  ];
  const recipes = found.map((recipe) => ("text" in recipe ? recipe.text : ""));
  const flavors = [...family.flavors.values()].flatMap((f) => Object.keys(f.args));
  return new Set([...recipes.flatMap(argsOf), ...flavors, "BASE"]);
}

/**
 * Build arguments of the user's: `SLIPWAY_BUILD_ARGS="NAME=value;NAME=value"`, of them those that this Containerfile has.
 * @throws Failure (usage) for a pair of another form, or a name that no recipe knows.
 */
export function givenArgs(containerfile: string, family: Family): Record<string, string> {
  const text = process.env.SLIPWAY_BUILD_ARGS;
  if (!text) return {};
  const all = knownArgs(family);
  const here = new Set(argsOf(containerfile));
  const pairs = text.split(";").filter((pair) => pair.trim());
  return Object.fromEntries(
    pairs.flatMap((pair) => {
      const [, name = "", value = ""] = /^\s*([^=]*)=(.*)$/s.exec(pair) ?? [];
      if (!all.has(name))
        throw new Failure(
          exit.usage,
          `SLIPWAY_BUILD_ARGS: \`${pair}\` sets no ARG of a recipe${didYouMean(name, all)}`,
          {
            tried: [`the ARGs: ${[...all].sort().join(" ")}`],
            next: "NAME=value, several with a semicolon between them",
          },
        );
      return here.has(name) ? [[name, value]] : [];
    }),
  );
}
