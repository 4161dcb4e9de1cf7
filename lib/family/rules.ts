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

/** A rule with its name, and as a sentence: `lint --list`. */
export interface NamedRule {
  name: string;
  sentence: string;
  find: Rule;
}

const rule = (name: string, sentence: string, find: Rule): NamedRule => ({ name, sentence, find });

/** The rules of the field, checked at every run. A new rule is one row; what is forbidden is one row of forbidden.ts. */
export const rules: NamedRule[] = [
  rule("default-exists", "the default arch and flavor of family.yaml exist", links.defaultExists),
  rule("tags-are-free", "a tag of family.yaml names one image of a flavor", links.tagsAreFree),
  rule("arches-exist", "a flavor names arches of family.yaml, and its base has them too", links.archesExist),
  rule("bases-exist", "from names a flavor", links.basesExist),
  rule("no-circle", "no flavor is based on itself, directly or by others", links.noCircle),
  rule("one-recipe", "a flavor has a recipe, or a Containerfile of the project's own", links.oneRecipe),
  rule("containerfiles-exist", "containerfile names a file, and its context a folder", links.containerfilesExist),
  rule("bases-given", "an arch has a base where a Containerfile starts from it", links.basesGiven),
  rule("recipes-exist", "recipe names a file of containerfiles/", links.recipesExist),
  rule("helpers-exist", "run and finish name helpers of containerfiles/helpers/", links.helpersExist),
  rule("packages-once", "a package is named once along the line of from", packages.packagesOnce),
  rule("packages-allowed", "no package turns on zram", packages.packagesAllowed),
  rule(
    "one-display-manager",
    "a flavor has one display manager, and it is the one that its packages bring",
    packages.oneDisplayManager,
  ),
  rule(
    "bootc-can-install",
    "a bootc image has bootupd, or is installed by the composefs backend with systemd-boot",
    install.bootcCanInstall,
  ),
  rule(
    "layers-can-be-read",
    "machines of the composefs backend get layers of one frame, never zstd:chunked",
    install.layersCanBeRead,
  ),
  rule("display-manager-known", "displayManager is one that Slipway knows", system.displayManagerKnown),
  rule("kargs-allowed", "no kernel argument unlocks a disk, turns on zram or breaks the boot", system.kargsAllowed),
  rule("units-once", "a unit is enabled, disabled or masked, and only once", system.unitsOnce),
  rule("units-allowed", "no unit is enabled that must stay off, or disabled that is needed", system.unitsAllowed),
  rule("snapper-is-set-up", "a flavor with snapper enables its set-up", system.snapperIsSetUp),
  rule("overlays-have-flavors", "each folder of overlays/ belongs to a flavor", overlays.overlaysHaveFlavors),
  rule("shared-files-exist", "shared names files of another flavor's overlay", overlays.sharedFilesExist),
  rule("overlays-are-folders", "overlays/ holds folders only", overlays.overlaysAreFolders),
  rule("files-are-files", "an overlay holds files, folders and links, no pipes or devices", overlays.filesAreFiles),
  rule(
    "places-allowed",
    "no file is shipped where an image must not have one, such as /opt or /usr/etc",
    overlays.placesAllowed,
  ),
  rule(
    "lines-allowed",
    "no shipped script or unit does what a machine must not do, such as writing to /usr",
    overlays.linesAllowed,
  ),
  rule(
    "no-initramfs-hook",
    "no hook of pacman makes an initramfs: that is done once, at the end",
    overlays.noInitramfsHook,
  ),
  rule("kargs-places", "kargs.d is a folder of regular files NAME.toml", kargs.kargsPlaces),
  rule(
    "kargs-files",
    "a file of kargs.d has kargs, and perhaps match-architectures, and nothing else",
    kargs.kargsFiles,
  ),
  rule("nothing-ignored", "the recipe has a marker for all that the flavor asks for", recipes.nothingIgnored),
  rule("markers-in-context", "a marker copies nothing from outside of the context", recipes.markersInContext),
  rule("images-have-key", "an image gets the family's policy and its public key", recipes.imagesHaveKey),
  rule(
    "lint-is-last",
    "bootc container lint runs at the end of a bootc recipe, and its answer counts",
    recipes.lintIsLast,
  ),
  rule("parts-are-there", "what a package or a kernel argument calls for is there", required.partsAreThere),
  rule("lines-are-there", "helpers and scripts keep the lines that a system depends on", required.linesAreThere),
  rule("units-are-named", "a shipped unit with [Install] is named in units", required.unitsAreNamed),
  rule(
    "units-of-nobody",
    "a shipped unit runs as a user that the image makes, not as a person",
    required.unitsOfNobody,
  ),
  rule(
    "key-is-public",
    "key is a file of the project with one public key, and no private one lies beside it",
    trust.keyIsPublic,
  ),
  rule("log-key-is-public", "rekor.key is a file of the project with one public ECDSA key", trust.logKeyIsPublic),
  rule("signed-is-not-open", "what must be signed is not open, and the reverse", trust.signedIsNotOpen),
];
