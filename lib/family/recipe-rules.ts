import type { Flavor } from "./family.ts";
import type { Mistake } from "./mistakes.ts";
import { hasMarker, type Recipe, readRecipe, recipeFile } from "./recipe.ts";
import { type Checked, eachFlavor, isLinked, packagesOf, type Rule } from "./rule.ts";
import type { FlavorFile } from "./schema.ts";

/** Rules about the recipes: what a flavor says must have its place in its recipe, and bootc has the last word. */

/** Keys of a flavor and the marker without which they would be ignored. */
const markerOf: [keyof FlavorFile, string, (f: Flavor) => boolean][] = [
  ["groups", "groups", (f) => Object.keys(f.groups).length > 0],
  ["aur", "aur", (f) => f.aur !== undefined],
  ["aur", "aur-group", (f) => f.aur !== undefined],
  ["args", "run", (f) => Object.keys(f.args).length > 0],
  ["run", "run", (f) => f.run.length > 0],
  ["finish", "finish", (f) => f.finish.length > 0],
  ["units", "units", (f) => Object.values(f.units).some((names) => names.length > 0)],
  ["shared", "overlay", (f) => Object.keys(f.shared).length > 0],
  ["kargs", "files", (f) => f.kargs.length > 0],
  ["sysctl", "files", (f) => Object.keys(f.sysctl).length > 0],
  ["suid", "modes", (f) => f.suid.length > 0],
  ["modes", "modes", (f) => Object.keys(f.modes).length > 0],
];

export const nothingIgnored = eachFlavor((flavor, { yaml }, { family: { root }, overlays }) => {
  const recipe = readRecipe(root, flavor);
  if (!recipe) return [];
  const own = flavor.containerfile !== undefined;
  const lost = markerOf
    .filter(([, marker, says]) => says(flavor) && !hasMarker(recipe, marker))
    .map(([key, marker]) =>
      yaml.mistake(
        [],
        `${recipe.file} has no place for \`${key}\``,
        `a line \`# @${marker}\` in it${own && key === "args" ? ", or the same as containerfile.args" : ""}`,
        key,
      ),
    );
  const ships = overlays.some((o) => o.flavor === flavor.name);
  // a Containerfile of one's own may copy it in its own words
  const copies = own && recipe.lines.some((line) => line.includes(`overlays/${flavor.name}`));
  if (ships && !copies && !hasMarker(recipe, "overlay"))
    lost.push(
      yaml.mistake(
        [own ? "containerfile" : "recipe"],
        `${recipe.file} has no place for overlays/${flavor.name}`,
        `a line \`# @overlay\` in it${own ? `, or COPY overlays/${flavor.name}/ /` : ""}`,
      ),
    );
  return lost;
});

/** What these markers copy is in the project's root, and podman copies nothing from outside of its context. */
const copying = ["overlay", "files", "helpers", "program"];

export const markersInContext = eachFlavor((flavor, { yaml }, { family: { root } }) => {
  const { context = "." } = flavor.containerfile ?? {};
  if (context === ".") return [];
  const recipe = readRecipe(root, flavor);
  return copying
    .filter((name) => hasMarker(recipe, name))
    .map((name) =>
      yaml.mistake(
        ["containerfile", "context"],
        `\`# @${name}\` in ${recipeFile(root, flavor)} copies from outside of the context ${context}`,
        "no `context`, or no such marker",
      ),
    );
});

/** Recipes that some flavor of a kind uses. A Containerfile of the project's own needs no marker, so it is none. */
function recipesOf(c: Checked, used: (flavor: Flavor) => boolean): Recipe[] {
  const flavors = [...c.family.flavors.values()].filter((f) => !f.containerfile && used(f));
  const byFile = new Map(flavors.map((f) => [recipeFile(c.family.root, f), f]));
  return [...byFile.values()].flatMap((f) => readRecipe(c.family.root, f) ?? []);
}

const isSystem = (flavor: Flavor) => flavor.bootc || packagesOf(flavor).length > 0;

/** The marker `files` brings the policy and, in a flavor that is based on no other, the key. */
export const imagesHaveKey: Rule = (c) =>
  recipesOf(c, (f) => isSystem(f) && !f.from && isLinked(f, c.sources))
    .filter((recipe) => !hasMarker(recipe, "files"))
    .map(({ file }) => ({
      file,
      message: `images of this recipe would lack ${c.family.key}`,
      expected: "a line `# @files`, which copies the public key and the policy",
    }));

const lint = "bootc container lint";
/** Its options may follow, and nothing that hides how it ended: `|| true`, `; true`, a pipe. */
export const loudLint = /^bootc container lint(\s+[\w=,.-]+)*\s*$/;

/** The last instruction that does something is the lint: what comes after it is not checked. */
export const lintIsLast: Rule = (c) =>
  recipesOf(c, (f) => f.bootc).flatMap(({ file, lines }): Mistake[] => {
    const at = lines.findLastIndex((l) => /^\s*(RUN|COPY|ADD|FROM|WORKDIR)\b|^# @\w/i.test(l));
    const text = lines[at] ?? "";
    const last = /^\s*RUN\s+(.*)$/i.exec(text)?.[1] ?? "";
    if (loudLint.test(last)) return [];
    const message = last.includes(lint)
      ? `\`${lint}\` does not decide how the step ends`
      : lines.some((l) => l.includes(lint))
        ? `\`${lint}\` is not the last step`
        : `a bootc image without \`${lint}\``;
    return [{ file, line: at + 1, column: 1, text, message, expected: `RUN ${lint}, last` }];
  });
