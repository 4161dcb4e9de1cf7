import { lstatSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";

/** As many links as Linux follows in one path. Source: path_resolution(7). */
const mostLinks = 40;

const sticky = 0o1000;

/**
 * Who decides what a path names: the first user other than root who owns something on the way to it, links followed; 0 if there
 * is no such user. It looks at one name after the other, and only below what is root's alone, where nobody can swap a name
 * between two looks. So after 0 the path is safe to use again. Any other user may swap what comes after, so the program has to
 * run as that user.
 * @throws Failure where a group or everybody may swap something @throws ENOENT
 */
export function whose(path: string): number {
  const names = join("/", path).split("/").filter(Boolean);
  let at = "/";
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === ".") continue;
    if (name === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, name);
    const stat = lstatSync(next);
    if (stat.uid !== 0) return stat.uid;
    if (stat.isSymbolicLink()) {
      if (++links > mostLinks) throw changeable(path, next, "links without end");
      const target = readlinkSync(next);
      names.unshift(...target.split("/").filter(Boolean));
      if (target.startsWith("/")) at = "/";
      continue;
    }
    // In a sticky folder others may make things, but what is root's there keeps its name.
    const others = (stat.mode & 0o002) !== 0 || ((stat.mode & 0o020) !== 0 && stat.gid !== 0);
    if (others && !(stat.isDirectory() && stat.mode & sticky)) throw changeable(path, next, "others may write to it");
    at = next;
  }
  return 0;
}

const changeable = (path: string, where: string, why: string) =>
  new Failure(exit.failed, `root does not run ${path}: somebody else could swap it`, {
    tried: [`${where}: ${why}`],
    next: `sudo chmod go-w ${where}, then run this again`,
  });

/** Nobody but root decides what a path names. */
export function isRoots(path: string): boolean {
  try {
    return whose(path) === 0;
  } catch {
    return false;
  }
}
