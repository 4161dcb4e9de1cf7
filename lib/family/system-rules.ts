import { didYouMean } from "../system/nearest.ts";
import { lineage } from "./family.ts";
import * as forbidden from "./forbidden.ts";
import { displayManagers } from "./package-rules.ts";
import { eachFlavor, isLinked, packagesOf, unitsOf } from "./rule.ts";

/** Rules about the running system: kernel arguments and units. */

export const kargsAllowed = eachFlavor(({ kargs }, { yaml }) =>
  kargs.flatMap((karg, i) =>
    forbidden.kernelArguments
      .filter(({ pattern }) => pattern.test(karg))
      .slice(0, 1)
      .map(({ why }) => yaml.mistake(["kargs", i], `forbidden kernel argument \`${karg}\``, why)),
  ),
);

export const displayManagerKnown = eachFlavor(({ displayManager: name }, { yaml }) =>
  name === undefined || displayManagers.includes(name)
    ? []
    : [
        yaml.mistake(
          ["displayManager"],
          `unknown display manager \`${name}\`${didYouMean(name, displayManagers)}`,
          `one of ${displayManagers.join(", ")}`,
        ),
      ],
);

const keys = ["enable", "disable", "mask"] as const;

/** A unit is on or off, and said once. */
export const unitsOnce = eachFlavor(({ units }, { yaml }) => {
  const seen = new Map<string, string>();
  return keys.flatMap((key) =>
    units[key].flatMap((unit, i) => {
      const before = seen.get(unit);
      seen.set(unit, before ?? key);
      return before ? yaml.mistake(["units", key, i], `${unit} is there already: ${before}`, "each unit once") : [];
    }),
  );
});

export const unitsAllowed = eachFlavor(({ units }, { yaml }) => {
  const look = (key: (typeof keys)[number], message: string, rows: forbidden.Forbidden[]) =>
    units[key].flatMap((unit, i) =>
      rows
        .filter(({ pattern }) => pattern.test(unit))
        .map(({ why }) => yaml.mistake(["units", key, i], `${message} \`${unit}\``, why)),
    );
  return [
    ...look("enable", "forbidden unit", forbidden.enabledUnits),
    ...look("disable", "this must not be disabled:", forbidden.neededUnits),
    ...look("mask", "this must not be masked:", forbidden.neededUnits),
  ];
});

/** Snapper without its first-boot service has no configuration, or the wrong subvolume. */
export const snapperIsSetUp = eachFlavor((flavor, { yaml }, { family: { prefix }, sources }) => {
  const unit = `${prefix}-snapper-setup.service`;
  const [snapper] = packagesOf(flavor).filter(({ name }) => name === "snapper");
  const readWhole = isLinked(flavor, sources) && lineage(flavor).every((f) => sources.get(f.name)?.whole);
  if (!snapper || !readWhole || unitsOf(flavor, "enable").includes(unit)) return [];
  return [yaml.mistake(snapper.at, "snapper without its first-boot service", `units.enable has ${unit}`)];
});
