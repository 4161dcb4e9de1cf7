import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, type Stats } from "node:fs";
import { join, sep } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { readUpTo } from "../system/read-up-to.ts";

/**
 * Reads what a person wrote into the project. A name in it may lead anywhere: to a device that never ends, to a FIFO that nobody
 * writes to, to a file of somebody else. So only regular files inside the project are read, and only up to a size.
 */

/** A manifest, a recipe: the largest of ours has 25 kB. All of it is held in memory, several times. */
export const mostText = 256_000;

/** A file's text, or why there is none. */
export type ProjectText = { text: string } | { wrong: string };

/** Names, in words, what is there in place of a regular file. */
export function kindOf(stat: Stats): string {
  if (stat.isDirectory()) return "a folder";
  if (stat.isFIFO()) return "a FIFO";
  if (stat.isSocket()) return "a socket";
  return "a device";
}

/**
 * The beginning of a regular file; a link is not followed.
 * @throws what `open` throws, and for anything that is not a regular file.
 */
export function firstBytes(path: string, most: number): { bytes: Buffer; size: number } {
  // Opening a device may start something, so the kind is checked first. If a pipe takes its place in between, the open does not
  // wait.
  const before = lstatSync(path);
  if (!before.isFile()) throw new Error(kindOf(before));
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error(kindOf(stat));
    return { bytes: readUpTo(fd, Math.min(most, stat.size)), size: stat.size };
  } finally {
    closeSync(fd);
  }
}

/**
 * The text of a file of the project. Links are followed as long as they stay inside.
 * @param name from the project's root.
 * @param most how many bytes it may have.
 */
export function readProjectFile(root: string, name: string, most = mostText): ProjectText {
  try {
    const real = realpathSync(join(root, name));
    if (!real.startsWith(realpathSync(root) + sep)) return { wrong: "it leads out of the project" };
    const stat = lstatSync(real);
    if (!stat.isFile()) return { wrong: `it is ${kindOf(stat)}, not a file` };
    const { bytes, size } = firstBytes(real, most);
    return size > most ? { wrong: `it has ${size} bytes, more than ${most}` } : { text: bytes.toString("utf8") };
  } catch (error) {
    return { wrong: `it cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}` };
  }
}

/** As `readProjectFile`. @throws Failure (usage) where there is no such text. */
export function needProjectFile(root: string, name: string, most = mostText): string {
  const read = readProjectFile(root, name, most);
  if ("text" in read) return read.text;
  throw new Failure(exit.usage, `${name}:1:1: ${read.wrong}`, {
    next: "put a regular file of the project in its place",
  });
}
