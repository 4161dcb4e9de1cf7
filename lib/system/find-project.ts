import { lstatSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** The owner of a file or folder itself; undefined where there is none. */
const ownerOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.uid;

/** A folder is a project's by this file. */
const mark = ["flavors", "flavors/family.yaml"];

/**
 * The project that a folder is in: the folder itself, or its nearest parent with flavors/family.yaml. A parent's file must have the
 * same owner as the folder, because anybody may put one into /tmp.
 * @returns undefined where none is found.
 */
export function findProject(from: string): string | undefined {
  const start = resolve(from);
  const owner = ownerOf(start);
  for (let folder = start; ; folder = dirname(folder)) {
    const owners = mark.map((path) => ownerOf(join(folder, path)));
    if (owners.every((uid) => uid !== undefined && (folder === start || uid === owner))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
