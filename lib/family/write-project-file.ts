import { lstatSync, mkdirSync, type Stats, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { writeWhole } from "../system/state-file.ts";
import { kindOf } from "./project-file.ts";

/** Writes into somebody's project. A link on the way could lead anywhere, so none is followed. */

/** Makes the folders of a path. @throws Failure where one of them is a link or no folder */
function makeFolders(root: string, name: string): void {
  const folder = dirname(name);
  if (folder === ".") return;
  makeFolders(root, folder);
  const path = join(root, folder);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) mkdirSync(path);
  else if (!stat.isDirectory())
    throw new Failure(exit.failed, `${name} was not written: ${folder} is ${describe(stat)}`, {
      tried: [path],
      next: "put a folder in its place",
    });
}

function describe(stat: Stats): string {
  if (stat.isSymbolicLink()) return "a link";
  return stat.isFile() ? "a file" : kindOf(stat);
}

/**
 * Writes a file that is not there yet.
 * @param name from the project's root.
 * @returns false where something has that name already; it stays as it is.
 * @throws Failure where a folder on the way is a link or no folder
 */
export function writeNew(root: string, name: string, text: string): boolean {
  makeFolders(root, name);
  if (lstatSync(join(root, name), { throwIfNoEntry: false })) return false;
  writeFileSync(join(root, name), text, { flag: "wx" });
  return true;
}

/**
 * Writes a file, in one step, in the place of a regular one or of none.
 * @param name from the project's root.
 * @throws Failure where it is anything else, or where a folder on the way is a link or no folder
 */
export function writeOver(root: string, name: string, text: string): void {
  makeFolders(root, name);
  const stat = lstatSync(join(root, name), { throwIfNoEntry: false });
  if (stat && !stat.isFile())
    throw new Failure(exit.failed, `${name} was not written: it is ${describe(stat)}`, {
      tried: [join(root, name)],
      next: "put a regular file in its place",
    });
  writeWhole(join(root, name), text);
}
