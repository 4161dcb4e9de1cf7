import { existsSync, lstatSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { isGone, ownerOf } from "./owner.ts";
import { removeAll } from "./remove.ts";

/** Something below `.slipway/` that can go. */
export interface Remnant {
  path: string;
  what: string;
  bytes: number;
}

interface Place {
  name: string;
  what: string;
  all: boolean;
  /** Where each thing in it goes or stays by itself: whether it is in use. */
  inUse?: (path: string) => boolean;
}

/** What lies below `.slipway/`, and whether only `--all` removes it. Anything else there is not ours to judge. */
const known: Place[] = [
  { name: "logs", what: "logs", all: false },
  { name: "run", what: "left by commands that ended early", all: false, inUse: isInUse },
  { name: "build", what: "expanded Containerfiles", all: false },
  { name: "context", what: "compiled for the images", all: false },
  { name: "images", what: "rechunked images (rechunk makes them again)", all: true },
  { name: "disks", what: "disks of images", all: false },
  {
    name: "vm",
    what: "disks and consoles of virtual machines",
    all: true,
    inUse: (path) => existsSync(join(path, "run")),
  },
  { name: "cache", what: "the checked manifest", all: true },
  { name: "state", what: "what was pushed, released and found out, keys of virtual machines", all: true },
  { name: "podman.json", what: "what was found out about podman", all: true },
  { name: "containers.conf", what: "settings for podman", all: true },
  { name: "bun", what: "the installed Bun (./run installs it again)", all: true },
];

/** Bytes of a file, or of everything below a folder; links are not followed. */
export function bytesBelow(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat?.isDirectory()) return stat?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), 0);
}

/** Its owner is in its name; anything without an owner was left by an older version. */
function isInUse(path: string): boolean {
  const whose = ownerOf(basename(path));
  return whose !== undefined && !isGone(whose);
}

/** What there is to remove below a state folder, whatever runs at this moment left out. */
export function remnants(folder: string, all: boolean): Remnant[] {
  return known.flatMap(({ name, what, all: onlyAll, inUse }) => {
    const path = join(folder, name);
    if ((onlyAll && !all) || !existsSync(path)) return [];
    const free = inUse && readdirSync(path).map((n) => join(path, n));
    const paths = free?.filter((p) => !inUse?.(p)) ?? [path];
    return paths.map((p) => ({ path: p, what, bytes: bytesBelow(p) }));
  });
}

export function remove(found: Remnant[]): void {
  for (const { path } of found) removeAll(path);
}
