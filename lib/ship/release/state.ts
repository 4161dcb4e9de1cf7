import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Target } from "../../family/family.ts";
import { statePath } from "../../system/project.ts";

/**
 * A release of a target that has begun and not ended: the file is there from before the push until everything is verified.
 * A later run goes on with it, so that it keeps the tag of the day, and measures the update against what stood there before.
 */
export interface Begun {
  /** The tag of the day, as it was at the beginning. */
  day: string;
  /** The digest that the machines' tag stood for before; null for a first release. */
  previous: string | null;
}

function file({ flavor, arch }: Target): string {
  return statePath("state", "release", `${flavor.name}-${arch.name}.json`);
}

export function begun(target: Target): Begun | undefined {
  if (!existsSync(file(target))) return undefined;
  try {
    const { day, previous } = JSON.parse(readFileSync(file(target), "utf8"));
    const good = /^\d{8}$/.test(String(day)) && (previous === null || /^sha256:[0-9a-f]{64}$/.test(String(previous)));
    return good ? { day, previous } : undefined;
  } catch {
    return undefined; // half a file is as good as none: the release begins anew
  }
}

export function begin(target: Target, state: Begun): Begun {
  writeFileSync(`${file(target)}.${process.pid}`, `${JSON.stringify(state)}\n`);
  renameSync(`${file(target)}.${process.pid}`, file(target));
  return state;
}

export function end(target: Target): void {
  rmSync(file(target), { force: true });
}
