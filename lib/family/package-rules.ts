import { lineage } from "./family.ts";
import * as forbidden from "./forbidden.ts";
import type { Mistake } from "./mistakes.ts";
import { eachFlavor, isLinked, packagesOf } from "./rule.ts";

export const packagesOnce = eachFlavor((flavor, { yaml }) => {
  const seen = new Map<string, string>();
  for (const base of lineage(flavor).slice(1))
    for (const { name, group } of packagesOf(base)) seen.set(name, `group ${group} of ${base.name}`);
  return packagesOf(flavor).flatMap(({ name, group, at }) => {
    const before = seen.get(name);
    seen.set(name, before ?? `group ${group}`);
    return before ? yaml.mistake(at, `package \`${name}\` is there already: ${before}`, "each package once") : [];
  });
});

export const packagesAllowed = eachFlavor((flavor, { yaml }) =>
  packagesOf(flavor).flatMap(({ name, at }) =>
    forbidden.packages
      .filter(({ pattern }) => pattern.test(name))
      .map(({ why }) => yaml.mistake(at, `forbidden package \`${name}\``, why)),
  ),
);

/** The programs that show a login screen, by their unit. Exactly one may be enabled in an image. */
export const displayManagers = ["gdm", "sddm", "plasmalogin", "cosmic-greeter", "lightdm", "greetd", "lxdm", "ly"];

/** A display manager by the package that brings it, where that is not its name. */
const packageNames = new Map([
  ["gdm3", "gdm"],
  ["plasma-login-manager", "plasmalogin"],
]);

/** Programs that another display manager runs on. */
const standsOn = new Map([["cosmic-greeter", ["greetd"]]]);

/** `displayManager` names the only one; no other is enabled or installed. */
export const oneDisplayManager = eachFlavor((flavor, { yaml }, { sources }) => {
  // The display manager may be that of a base which is not there.
  if (!isLinked(flavor, sources)) return [];
  const found: Mistake[] = [];
  const named = lineage(flavor).flatMap(({ displayManager: name, name: where }) => (name ? [{ name, where }] : []));
  const [mine, other] = named;
  if (flavor.displayManager && other)
    found.push(
      yaml.mistake(
        ["displayManager"],
        `two display managers: ${flavor.displayManager}, and ${other.name} of ${other.where}`,
        "exactly one in an image",
      ),
    );
  const second = (name: string) =>
    displayManagers.includes(name) && name !== mine?.name && !standsOn.get(mine?.name ?? "")?.includes(name);
  const beside = mine ? `beside ${mine.name}` : "without a displayManager";
  const expected = mine ? `only ${mine.name}, which displayManager names` : "displayManager names the only one";
  for (const [i, unit] of flavor.units.enable.entries())
    if (second(unit.replace(/\.service$/, "")))
      found.push(yaml.mistake(["units", "enable", i], `two display managers: ${unit} ${beside}`, expected));
  for (const { name, at } of packagesOf(flavor))
    if (second(packageNames.get(name) ?? name))
      found.push(yaml.mistake(at, `two display managers: package \`${name}\` ${beside}`, expected));
  return found;
});
