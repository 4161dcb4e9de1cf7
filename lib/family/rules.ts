import * as install from "./install-rules.ts";
import * as kargs from "./kargs-rules.ts";
import * as links from "./link-rules.ts";
import * as overlays from "./overlay-rules.ts";
import * as packages from "./package-rules.ts";
import * as recipes from "./recipe-rules.ts";
import * as required from "./required-rules.ts";
import type { Rule } from "./rule.ts";
import * as system from "./system-rules.ts";
import * as trust from "./trust-rules.ts";

export { displayManagers } from "./package-rules.ts";

/** The rules of the field, checked at every run. A new rule is one row; what is forbidden is one row of forbidden.ts. */
export const rules: Rule[] = [
  links.defaultExists,
  links.archesExist,
  links.basesExist,
  links.noCircle,
  links.recipesExist,
  links.helpersExist,
  packages.packagesOnce,
  packages.packagesAllowed,
  packages.oneDisplayManager,
  install.bootcCanInstall,
  install.layersCanBeRead,
  system.displayManagerKnown,
  system.kargsAllowed,
  system.unitsOnce,
  system.unitsAllowed,
  system.snapperIsSetUp,
  overlays.overlaysHaveFlavors,
  overlays.overlaysAreFolders,
  overlays.filesAreFiles,
  overlays.placesAllowed,
  overlays.linesAllowed,
  overlays.noInitramfsHook,
  kargs.kargsPlaces,
  kargs.kargsFiles,
  recipes.nothingIgnored,
  recipes.imagesHaveKey,
  recipes.lintIsLast,
  required.partsAreThere,
  required.linesAreThere,
  required.unitsAreNamed,
  required.unitsOfNobody,
  trust.keyIsPublic,
  trust.signedIsNotOpen,
];
