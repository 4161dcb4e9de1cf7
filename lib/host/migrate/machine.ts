import { closeSync, existsSync, fsyncSync, openSync, readFileSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { hostPath } from "../host-path.ts";
import { look } from "./files/paths.ts";

/** The system that is migrated: the running one, or one that is mounted somewhere and sleeps. */
export interface Machine {
  /** Where its root is; without a slash at the end, so "" for the running system. */
  root: string;
  /** It runs: its homed, its processes and its other services can be asked. */
  live: boolean;
}

/** @throws Failure (usage) where there is no system */
export function machineAt(root: string | undefined): Machine {
  if (root === undefined) return { root: hostPath("/").replace(/\/$/, ""), live: true };
  const path = root.replace(/\/+$/, "");
  if (path === "") return { root: "", live: true };
  if (existsSync(join(path, "etc/passwd"))) return { root: path, live: false };
  throw new Failure(exit.usage, `there is no system at ${root}`, {
    tried: [`${path}/etc/passwd`],
    next: "mount the system's disk, /var too, and name the folder that is its /",
  });
}

/** A path of the machine as this process reaches it. */
export const at = (machine: Machine, path: string) => `${machine.root}${path}`;

/** The bytes of a small file, one a character; undefined where there is none. */
export function readBytes(machine: Machine, path: string): string | undefined {
  try {
    return readFileSync(at(machine, path), "latin1");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

export const exists = (machine: Machine, path: string) => look(at(machine, path)) !== undefined;

/** The nearest folder to a path that exists: where what is yet to be made will lie. */
export function nearestFolder(machine: Machine, path: string): string {
  for (let folder = path; ; folder = dirname(folder))
    if (folder === "/" || existsSync(at(machine, folder))) return at(machine, folder) || "/";
}

/** Free bytes on the file system of a path, for root. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** A file or folder is on its disk. */
export function flush(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
