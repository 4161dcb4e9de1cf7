/**
 * What a maintainer's own script imports: `import { $, print, script } from "slipway"`. Nothing else of `lib/` is promised to
 * stay as it is.
 */
import { askText, chooseMany, chooseOne, confirm } from "./cli/prompts.ts";
import { shellOfScript } from "./cli/script-shell.ts";
import { retag as moveTagTo } from "./ship/push/move-tag.ts";

export type { Arguments } from "./cli/args.ts";
export type { Option } from "./cli/commands/row.ts";
export { script } from "./cli/script.ts";
export { $ } from "./cli/script-shell.ts";
export { askForTarget, askForTargets } from "./family/ask.ts";
export type { Arch, Family, Flavor, Target } from "./family/family.ts";
export { loadFamily } from "./family/manifest.ts";
export { allTargets, findTargets } from "./family/target.ts";
export { tagDigest } from "./oci/skopeo.ts";
export { type LocalImage, localImages } from "./oci/storage.ts";
export { repositoryOf } from "./ship/push/pushed.ts";
export { dayOf, tagsOf } from "./ship/push/words.ts";
export { exit, Failure } from "./system/errors.ts";
export { bytes, print, printJson, say, table } from "./system/output.ts";

/** Questions at the terminal: one of several, several, a line of text, yes or no. */
export const ask = { one: chooseOne, many: chooseMany, text: askText, yes: confirm };

/** As `retag` of lib/ship/push/move-tag.ts; a dry run of the script only shows it. */
export function retag(from: string, tag: string): Promise<string> {
  return moveTagTo(from, tag, { dryRun: shellOfScript.dryRun });
}
