import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { cacheFolder } from "./project.ts";
import { bytesBelow } from "./remnants.ts";
import { mountsBelow, removeAll } from "./remove.ts";
import { run } from "./shell.ts";

/**
 * The user's cache, `~/.cache/slipway`: what takes minutes to make, is the same for every clone, and can be made again.
 * Each thing in it has a key of what it is made from in its name. What was not used for the longest time goes first when there
 * is too much.
 */

/** A thing in the cache. */
export interface Cached {
  path: string;
  what: string;
  bytes: number;
  /** When it was used last, in milliseconds since 1970. */
  used: number;
}

/** Bytes that the cache may have; SLIPWAY_CACHE_LIMIT has gigabytes. A toolbox and the images of tests take about 4. */
function limit(): number {
  return (Number(process.env.SLIPWAY_CACHE_LIMIT) || 12) * 1e9;
}

/** What is kept in the cache; anything else in its folder is not ours to judge. */
export function cached(folder = cacheFolder()): Cached[] {
  const look = (name: string, what: string): Cached[] => {
    const path = join(folder, name);
    if (!existsSync(path)) return [];
    return [{ path, what, bytes: bytesBelow(path), used: lstatSync(path).mtimeMs }];
  };
  const roots = existsSync(join(folder, "debian")) ? readdirSync(join(folder, "debian")).sort() : [];
  return [
    ...roots.filter((name) => name.endsWith(".tar")).flatMap((name) => look(join("debian", name), "a Debian root")),
    ...look("test-images", "images that the tests share"),
  ];
}

/** Takes away what is mounted below a folder, the deepest first, and removes it: podman mounts the folder of its layers. */
export async function removeMounted(folder: string): Promise<void> {
  const mounts = mountsBelow(resolve(folder), readFileSync("/proc/self/mountinfo", "utf8"));
  for (const path of mounts.reverse()) await run(["umount", "--lazy", path], { cleaning: true });
  removeAll(folder);
}

/** Removes things of the cache. */
export async function removeCached(things: Cached[]): Promise<void> {
  for (const { path } of things) {
    await removeMounted(path);
    removeAll(`${path}.sha256`); // a root's digest
  }
}

/** What has to go so that the rest is below the limit: what was used the longest time ago. Pure. */
export function tooMuch(things: Cached[], most: number): Cached[] {
  let left = things.reduce((sum, thing) => sum + thing.bytes, 0);
  return [...things]
    .sort((a, b) => a.used - b.used)
    .filter(({ bytes }) => {
      if (left <= most) return false;
      left -= bytes;
      return true;
    });
}

/** Keeps the cache below its limit. */
export async function trimCache(): Promise<void> {
  await removeCached(tooMuch(cached(), limit()));
}
