import type { Flavor } from "./family.ts";
import type { Mistake } from "./mistakes.ts";
import { readRecipe } from "./recipe-files.ts";
import { type Checked, eachFlavor, isLinked, packagesOf, type Rule } from "./rule.ts";
import type { FlavorFile } from "./schema.ts";

/** Rules about the recipes: what a flavor says must have its place in its recipe, and bootc has the last word. */

interface Recipe {
  file: string;
  lines: string[];
}

function read(root: string, name: string): Recipe | undefined {
  const found = readRecipe(root, name);
  return "text" in found ? { file: found.file, lines: found.text.split("\n") } : undefined;
}

const hasMarker = ({ lines }: Recipe, marker: string) => lines.includes(`# @${marker}`);

/** Keys of a flavor and the marker without which they would be ignored. */
const markerOf: [keyof FlavorFile, string, (f: Flavor) => boolean][] = [
  ["groups", "groups", (f) => Object.keys(f.groups).length > 0],
  ["aur", "aur", (f) => f.aur !== undefined],
  ["aur", "aur-group", (f) => f.aur !== undefined],
  ["run", "run", (f) => f.run.length > 0],
  ["finish", "finish", (f) => f.finish.length > 0],
  ["units", "units", (f) => Object.values(f.units).some((names) => names.length > 0)],
  ["kargs", "files", (f) => f.kargs.length > 0],
  ["sysctl", "files", (f) => Object.keys(f.sysctl).length > 0],
  ["suid", "modes", (f) => f.suid.length > 0],
  ["modes", "modes", (f) => Object.keys(f.modes).length > 0],
];

export const nothingIgnored = eachFlavor((flavor, { yaml }, { family: { root }, overlays }) => {
  const recipe = read(root, flavor.recipe);
  if (!recipe) return [];
  const lost = markerOf
    .filter(([, marker, says]) => says(flavor) && !hasMarker(recipe, marker))
    .map(([key, marker]) =>
      yaml.mistake([], `${recipe.file} has no place for \`${key}\``, `a line \`# @${marker}\` in it`, key),
    );
  const ships = overlays.some((o) => o.flavor === flavor.name);
  if (ships && !hasMarker(recipe, "overlay"))
    lost.push(
      yaml.mistake(["recipe"], `${recipe.file} has no place for overlays/${flavor.name}`, "a line `# @overlay` in it"),
    );
  return lost;
});

/** Recipes that some flavor of a kind uses. */
function recipesOf(c: Checked, used: (flavor: Flavor) => boolean): Recipe[] {
  const names = new Set([...c.family.flavors.values()].filter(used).map((f) => f.recipe));
  return [...names].flatMap((name) => read(c.family.root, name) ?? []);
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
