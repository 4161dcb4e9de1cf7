import { realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { didYouMean } from "../system/nearest.ts";
import type { Mistake } from "./mistakes.ts";
import { readProjectFile } from "./project-file.ts";
import { hasMarker, readRecipe, recipeFile } from "./recipe.ts";
import { findRecipe, helperNames, recipeNames } from "./recipe-files.ts";
import { eachFlavor, type Rule } from "./rule.ts";

/** Names that must be the name of something: arches, bases, recipes, helpers, overlays. */

const oneOf = (names: Iterable<string>) => `one of ${[...names].join(", ")}`;

export const defaultExists: Rule = ({ family, sources, top, topWhole, names }) => {
  if (!topWhole) return [];
  const { arch, flavor } = family.default;
  const arches = [...family.arches.keys()];
  const found: Mistake[] = [];
  if (!arches.includes(arch))
    found.push(top.mistake(["default", "arch"], `unknown arch \`${arch}\`${didYouMean(arch, arches)}`, oneOf(arches)));
  if (!names.includes(flavor))
    found.push(
      top.mistake(["default", "flavor"], `unknown flavor \`${flavor}\`${didYouMean(flavor, names)}`, oneOf(names)),
    );
  const own = sources.get(flavor)?.whole ? family.flavors.get(flavor)?.arches : undefined;
  // An arch of the flavor that is unknown may be this one, misspelt.
  if (own?.every((a) => arches.includes(a)) && arches.includes(arch) && !own.includes(arch))
    found.push(top.mistake(["default", "arch"], `${flavor} does not exist for ${arch}`, oneOf(own)));
  return found;
};

/** A tag of an image is an arch's name, that name with a day, or one of `tags`; a repository has each once. */
export const tagsAreFree: Rule = ({ family: { arches }, top, topWhole }) => {
  if (!topWhole) return [];
  const given = [...arches.values()].flatMap(({ name, tags = [] }) => tags.map((tag, i) => ({ name, tag, i })));
  return given.flatMap(({ name, tag, i }, at) => {
    const first = given.findIndex((other) => other.tag === tag) === at;
    if (first && !arches.has(tag.replace(/-\d{8}$/, ""))) return [];
    return top.mistake(
      ["arches", name, "tags", i],
      `the tag \`${tag}\` names other images already`,
      "a tag of its own",
    );
  });
};

export const archesExist = eachFlavor(({ arches, from }, { yaml }, { family, sources, topWhole }) => {
  const known = [...family.arches.keys()];
  // One of the base's arches that is unknown may be the one that is missed.
  const base = from && sources.get(from.name)?.whole && from.arches.every((a) => known.includes(a)) ? from : undefined;
  return arches.flatMap((name, i) => {
    const at = ["arches", i];
    if (arches.indexOf(name) < i) return yaml.mistake(at, `arch \`${name}\` is there already`, "each arch once");
    if (topWhole && !known.includes(name))
      return yaml.mistake(at, `unknown arch \`${name}\`${didYouMean(name, known)}`, oneOf(known));
    if (base && !base.arches.includes(name))
      return yaml.mistake(at, `its base ${base.name} does not exist for ${name}`, oneOf(base.arches));
    return [];
  });
});

export const basesExist = eachFlavor(({ name }, { yaml, data: { from } }, { names }) => {
  if (from === undefined || names.includes(from)) return [];
  const others = names.filter((n) => n !== name);
  return [yaml.mistake(["from"], `unknown base \`${from}\`${didYouMean(from, others)}`, oneOf(others))];
});

/** Each circle is named once: at the first of its flavors by name. */
export const noCircle: Rule = ({ sources }) =>
  [...sources.values()].flatMap(({ name, yaml, data }) => {
    const way = [name];
    for (let at = data.from; at !== undefined && !way.slice(1).includes(at); at = sources.get(at)?.data.from)
      way.push(at);
    const closed = way.length > 1 && way.at(-1) === name;
    if (!closed || way.some((other) => other < name)) return [];
    return yaml.mistake(["from"], `a circle of bases: ${way.join(" → ")}`, "one of them is based on no other");
  });

/** Exactly one file says how a flavor is built. */
export const oneRecipe = eachFlavor(({ builder, recipe, containerfile }, { yaml, whole }) => {
  if (builder !== "containerfile") return [];
  const expected = "recipe: NAME of containerfiles/, or containerfile: a path of your own";
  if (recipe !== undefined && containerfile)
    return [yaml.mistake([], "`recipe` and `containerfile` are two ways to build it", `one of them`, "containerfile")];
  // one that is wrong was left out, and is named already
  if (!whole || recipe !== undefined || containerfile) return [];
  return [yaml.mistake([], "`recipe` is missing", expected)];
});

/** A recipe starts from its arch's base, and so does a Containerfile with the marker. */
export const basesGiven = eachFlavor((flavor, { yaml }, { family, topWhole }) => {
  if (!topWhole || flavor.from || (flavor.recipe === undefined && !flavor.containerfile)) return [];
  const file = recipeFile(family.root, flavor);
  if (flavor.containerfile && !hasMarker(readRecipe(family.root, flavor), "base")) return [];
  return flavor.arches.flatMap((name, i) => {
    const arch = family.arches.get(name);
    if (!arch || arch.base) return [];
    const expected = `arches.${name}.base in flavors/family.yaml: an image reference, or {debian: SUITE}`;
    return [yaml.mistake(["arches", i], `\`${name}\` has no base, and ${file} starts from it`, expected)];
  });
});

/** A folder of the project that no link leads out of. */
function isFolderInside(root: string, name: string): boolean {
  try {
    const real = realpathSync(join(root, name));
    return statSync(real).isDirectory() && `${real}${sep}`.startsWith(`${realpathSync(root)}${sep}`);
  } catch {
    return false;
  }
}

export const containerfilesExist = eachFlavor((flavor, { yaml }, { family: { root } }) => {
  const { containerfile: own } = flavor;
  if (!own) return [];
  const found = readProjectFile(root, own.file);
  const expected = "a file of the project, such as Containerfile";
  const lost =
    "wrong" in found ? [yaml.mistake(["containerfile", "file"], `${own.file}: ${found.wrong}`, expected)] : [];
  if (isFolderInside(root, own.context)) return lost;
  return [
    ...lost,
    yaml.mistake(["containerfile", "context"], `${own.context} is no folder`, "a folder of the project"),
  ];
});

export const recipesExist = eachFlavor(({ recipe }, { yaml }, { family: { root } }) => {
  if (recipe === undefined) return [];
  const known = recipeNames(root);
  if (known.includes(recipe)) {
    const found = findRecipe(root, recipe);
    return "text" in found ? [] : [yaml.mistake(["recipe"], `${found.file}: ${found.wrong}`, "a file of the project")];
  }
  const message = `there is no containerfiles/${recipe}.Containerfile${didYouMean(recipe, known)}`;
  return [yaml.mistake(["recipe"], message, oneOf(known))];
});

export const helpersExist = eachFlavor((flavor, { yaml }, { family: { root } }) => {
  const known = helperNames(root);
  return (["run", "finish"] as const).flatMap((key) =>
    flavor[key].flatMap((name, i) =>
      known.includes(name)
        ? []
        : yaml.mistake([key, i], `there is no containerfiles/helpers/${name}${didYouMean(name, known)}`, oneOf(known)),
    ),
  );
});
