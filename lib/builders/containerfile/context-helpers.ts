import { chmodSync, cpSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { toolHelpers } from "../../family/recipe-files.ts";
import { projectRoot, statePath } from "../../system/project.ts";
import { workFolder } from "../../system/work-folder.ts";
import { helpersPath } from "./expand.ts";

/** Slipway's helpers as a folder of the build context, for a project that does not have them. */

/** Names, executable bits and contents: what a build sees of a folder of helpers. */
function seen(folder: string): string {
  try {
    const files = readdirSync(folder).sort();
    const look = (name: string) => {
      const { mode } = lstatSync(join(folder, name));
      return [name, mode & 0o777, readFileSync(join(folder, name), "latin1")];
    };
    return JSON.stringify(files.map(look));
  } catch {
    return ""; // not made yet, or changed by somebody while we looked
  }
}

/** Makes the copy again where it is not the same as Slipway's helpers. @throws what writing throws */
export function ensureHelpers(): void {
  const place = join(projectRoot, helpersPath);
  statePath("context", "helpers");
  const work = workFolder();
  try {
    const made = join(work.path, "helpers");
    cpSync(toolHelpers, made, { recursive: true });
    // whatever the umask was when the package was installed
    for (const name of readdirSync(made)) chmodSync(join(made, name), 0o755);
    const wanted = seen(made);
    if (wanted === seen(place)) return;
    rmSync(place, { recursive: true, force: true });
    try {
      renameSync(made, place);
    } catch (error) {
      if (wanted !== seen(place)) throw error; // another command may have made it right now
    }
  } finally {
    work.remove();
  }
}
