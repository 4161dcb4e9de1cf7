import { rmSync } from "node:fs";
import type { Target } from "../../family/family.ts";
import { targetState } from "../../family/target.ts";
import { readState, writeState } from "../../system/state-file.ts";

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

const file = (target: Target) => targetState("release", target);

/** Undefined where none has begun. Half a record is as good as none: the release begins anew. */
export function begun(target: Target): Begun | undefined {
  const { day, previous } = (readState(file(target)) ?? {}) as Partial<Record<keyof Begun, unknown>>;
  const isDay = typeof day === "string" && /^\d{8}$/.test(day);
  const isDigest = typeof previous === "string" && /^sha256:[0-9a-f]{64}$/.test(previous);
  return isDay && (previous === null || isDigest) ? { day, previous } : undefined;
}

export function begin(target: Target, state: Begun): Begun {
  writeState(file(target), state);
  return state;
}

export function end(target: Target): void {
  rmSync(file(target), { force: true });
}
