import { lstatSync } from "node:fs";
import { basename, dirname, sep } from "node:path";
import { exit, Failure } from "./errors.ts";
import { userName } from "./user-name.ts";

/** Why nothing could be written to `.slipway/`, for whoever can change it. */

/** Undefined also for what lies below a file, or in a folder that may not be entered. */
function look(path: string) {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function ownerOf(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    const stat = look(at);
    if (stat) return userName(stat.uid) ?? `user ${stat.uid}`;
    if (at === dirname(at)) return "unknown";
  }
}

/** What a write to an open file ends with, which knows no path: what Slipway writes is below its state folder. */
export const noSpace = ["ENOSPC", "EDQUOT"];

function advice(code: string, owner: string, folder: string): string {
  if (noSpace.includes(code))
    return `make room there${folder === ".slipway" ? ": bun run clean, podman image prune" : ""}`;
  if (code === "EROFS" && folder !== ".slipway")
    return "it is read-only here: see why with `findmnt --target` and its path";
  if (code === "EROFS") return "it is read-only here: copy the project to where you may write, and run this there";
  if (code === "EEXIST" || code === "ENOTDIR" || code === "EISDIR")
    return "something else is in the way there: remove it";
  return `${owner} may write there: run this as ${owner}, or make the folder yours: sudo chown -R "$(id -un)" ${folder}`;
}

const refusals = ["EACCES", "EPERM", "EROFS", "EEXIST", "ENOTDIR", "EISDIR", ...noSpace];

/**
 * The Failure that a refused write to the state folder is; undefined for any other error.
 * @param folder the state folder: `.slipway` of the project, or that of a user's machine.
 */
export function unwritable(error: unknown, folder: string): Failure | undefined {
  const { code = "", path = "" }: NodeJS.ErrnoException = error instanceof Error ? error : new Error();
  const inside = path === "" ? noSpace.includes(code) : path === folder || path.startsWith(folder + sep);
  if (!refusals.includes(code) || !inside) return undefined;
  const at = path || folder;
  const owner = ownerOf(at);
  const shown = basename(folder) === ".slipway" ? ".slipway" : folder;
  const what = noSpace.includes(code) ? `no space left in \`${shown}/\`` : `\`${shown}/\` cannot be written`;
  return new Failure(exit.failed, `${what}: ${code} (owner ${owner})`, {
    tried: [at],
    next: advice(code, owner, shown),
  });
}
