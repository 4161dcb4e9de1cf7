import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { exit, Failure } from "./errors.ts";

/** The places below a folder, or the folder itself, where something is mounted. Source: proc_pid_mountinfo(5), field 5. */
export function mountsBelow(folder: string, mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\(\d{3})/g, (_, o) => String.fromCharCode(Number.parseInt(o, 8))),
    )
    .filter((place) => place === folder || place.startsWith(`${folder}/`));
}

/**
 * Removes a file or folder, unless something is mounted in it: a root that was being made may have this machine's own
 * /dev inside, and removing goes through mounts.
 * @throws Failure naming what is mounted
 */
export function removeAll(path: string): void {
  const mounts = mountsBelow(resolve(path), readFileSync("/proc/self/mountinfo", "utf8"));
  if (mounts.length)
    throw new Failure(exit.failed, `${path} is not removed: something is mounted in it`, {
      tried: mounts.slice(0, 5),
      next: `umount ${mounts.at(-1)}, and the others before it; then run this again`,
    });
  rmSync(path, { recursive: true, force: true });
}
