import { lstatSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** The file that a link leads to; undefined for a folder, for nothing, and for what cannot be looked at. */
function fileBehind(path: string) {
  try {
    const stat = statSync(path);
    return stat.isFile() ? stat : undefined;
  } catch {
    return undefined;
  }
}

/** Nothing, too, for what cannot be looked at: a path longer than PATH_MAX. */
function statOf(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return ["cannot be read"];
  }
}

/** A line for everything below a folder: name, size, time; changes when any of it does. Links are not followed: one to / would lead all over the machine. */
export function* traces(folder: string): Generator<string> {
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const stat = statOf(path);
    const link = stat?.isSymbolicLink() ? fileBehind(path) : undefined;
    const to = stat?.isSymbolicLink() ? `${readlinkSync(path)}\0${link?.size}\0${link?.mtimeMs}\0${link?.ino}` : "";
    yield `${path}\0${stat?.mode}\0${stat?.size}\0${stat?.mtimeMs}\0${stat?.ino}\0${to}\n`;
    if (stat?.isDirectory()) yield* traces(path);
  }
}
