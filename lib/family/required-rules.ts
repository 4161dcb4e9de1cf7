import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Flavor, lineage } from "./family.ts";
import { readProjectFile } from "./project-file.ts";
import { hasMarker, readRecipe } from "./recipe.ts";
import * as required from "./required.ts";
import { type Checked, eachFlavor, isLinked, packagesOf, type Rule, unitsOf } from "./rule.ts";

/** Rules about what must be there. What must not be is forbidden.ts. */

/** Whether this very flavor, and none below it, calls for a part. */
function calls(flavor: Flavor, { calledBy }: required.RequiredPart, root: string): boolean {
  const { package: name, karg, marker } = calledBy;
  return (
    (name === undefined || packagesOf(flavor).some((one) => one.name === name)) &&
    (karg === undefined || flavor.kargs.includes(karg)) &&
    (marker === undefined || hasMarker(readRecipe(root, flavor), marker))
  );
}

function has(flavor: Flavor, { part }: required.RequiredPart, { overlays }: Checked): boolean {
  const line = lineage(flavor);
  if ("unit" in part) return unitsOf(flavor, "enable").includes(part.unit);
  if ("finish" in part) return line.some(({ finish }) => finish.includes(part.finish));
  return overlays.some((o) => o.place === part.emptyFile && o.size === 0 && line.some(({ name }) => name === o.flavor));
}

export const partsAreThere = eachFlavor((flavor, { yaml, whole }, c) => {
  if (!whole || !isLinked(flavor, c.sources)) return [];
  return required.parts
    .filter((row) => row.unlessDisplayManager === undefined || row.unlessDisplayManager !== flavor.displayManager)
    .filter((row) => calls(flavor, row, c.family.root) && !has(flavor, row, c))
    .map(({ name, part, why, fix }) =>
      yaml.mistake([keyOf(part)], `${Object.values(part)[0]} is missing (${name}): ${why}`, fix),
    );
});

/** The key of a flavor's YAML that is about such a part. */
function keyOf(part: required.RequiredPart["part"]): string {
  if ("unit" in part) return "units";
  return "finish" in part ? "finish" : "kargs";
}

/** Helpers and files of overlays keep the lines on which a system depends. */
export const linesAreThere: Rule = ({ family: { root }, overlays }) => {
  const folder = "containerfiles/helpers";
  // a project with helpers of its own may give them the same names
  const helpers = existsSync(join(root, folder, "merge-etc"))
    ? readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)
    : [];
  const texts = (pattern: RegExp): { file: string; lines: string[] }[] => [
    ...overlays.filter(({ file }) => pattern.test(file)),
    ...helpers
      .filter((file) => pattern.test(file))
      .flatMap((file) => {
        const found = readProjectFile(root, file);
        return "text" in found ? [{ file, lines: found.text.split("\n") }] : [];
      }),
  ];
  return required.lines.flatMap(({ name, file: pattern, line, message, why, fix }) =>
    texts(pattern)
      .filter(({ lines }) => !lines.some((text) => line.test(text)))
      .map(({ file }) => ({ file, message: `${message} (${name}): ${why}`, expected: fix })),
  );
};

/** A unit of ours that wants to be started, and that nobody starts. To leave it off on purpose, name it in `disable`. */
export const unitsAreNamed: Rule = ({ family, overlays, sources }) => {
  const named = new Set(
    [...family.flavors.values()].flatMap(({ units }) => [
      ...units.enable,
      ...units.disable,
      ...units.mask,
      ...units["user-enable"],
    ]),
  );
  if ([...sources.values()].some(({ whole }) => !whole)) return [];
  // an overlay may enable a unit by its own link; an instance starts its template
  for (const { place } of overlays) {
    const linked = /\.(?:wants|requires|upholds)\/([^/]+)$/.exec(place)?.[1];
    if (linked) named.add(linked);
  }
  for (const unit of [...named]) named.add(unit.replace(/@[^@]*(\.\w+)$/, "@$1"));
  return overlays.flatMap(({ file, place, lines }) => {
    const unit = /^\/(?:usr\/lib|etc)\/systemd\/(?:system|user)\/([^/]+)$/.exec(place)?.[1];
    if (unit === undefined || named.has(unit) || !lines.some((line) => /^\s*\[Install\]\s*$/.test(line))) return [];
    const message = `${unit} is shipped with [Install], and no flavor starts it`;
    return [{ file, message, expected: `units.enable has ${unit}; units.disable leaves it off on purpose` }];
  });
};

/** Users of units that no image makes: a person's name. */
export const unitsOfNobody: Rule = ({ family, overlays }) => {
  const declared = new Set(
    overlays
      .filter(({ place }) => /\/sysusers\.d\/[^/]+\.conf$/.test(place))
      .flatMap(({ lines }) => lines.flatMap((line) => /^\s*u!?\s+([\w.-]+)/.exec(line)?.[1] ?? [])),
  );
  for (const { smoke } of family.flavors.values()) for (const user of smoke.users) declared.add(user);
  return overlays
    .filter(({ place }) =>
      /\/systemd\/(system|user)\/([^/]+\.d\/)?[^/]+\.(service|socket|mount|swap|conf)$/.test(place),
    )
    .flatMap(({ file, lines }) =>
      lines.flatMap((text, i) => {
        const [, before = "", user] = /^(\s*(?:User|SocketUser)\s*=\s*["']?)([a-z_][\w.-]*)/.exec(text) ?? [];
        const known = user === undefined || /^(root|nobody|systemd-.*)$/.test(user) || declared.has(user);
        if (known || lines.some((line) => /^\s*DynamicUser\s*=\s*(yes|true|1|on)\b/.test(line))) return [];
        const message = `a unit that runs as \`${user}\`, whom no image makes`;
        const expected =
          "no user name in an image: sysusers.d makes a system's user; name a package's user in smoke.users; a user's unit runs as whoever logs in";
        return [{ file, line: i + 1, column: before.length + 1, message, text, expected }];
      }),
    );
};
