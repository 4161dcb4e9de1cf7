import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { removeAll } from "./remove.ts";

/** Something below `.slipway/` that can go. */
export interface Remnant {
  path: string;
  what: string;
  bytes: number;
}

/** What lies below `.slipway/`, and whether only `--all` removes it. Anything else there is not ours to judge. */
const known: { name: string; what: string; all: boolean }[] = [
  { name: "logs", what: "logs", all: false },
  { name: "run", what: "left by commands that ended early", all: false },
  { name: "build", what: "expanded Containerfiles", all: false },
  { name: "cache", what: "Debian roots, the checked manifest", all: true },
  { name: "state", what: "what was found out about this machine", all: true },
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

/** The process whose number a name holds still runs: `4711-ab12`, `probe-4711`. */
function isAlive(name: string): boolean {
  const pid = /(?:^|[-.])(\d+)(?:[-.]|$)/.exec(name)?.[1];
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

/** What there is to remove below a state folder, whatever runs at this moment left out. */
export function remnants(folder: string, all: boolean): Remnant[] {
  return known.flatMap(({ name, what, all: onlyAll }) => {
    const path = join(folder, name);
    if ((onlyAll && !all) || !existsSync(path)) return [];
    const paths =
      name === "run"
        ? readdirSync(path)
            .filter((n) => !isAlive(n))
            .map((n) => join(path, n))
        : [path];
    return paths.map((p) => ({ path: p, what, bytes: bytesBelow(p) }));
  });
}

export function remove(found: Remnant[]): void {
  for (const { path } of found) removeAll(path);
}
