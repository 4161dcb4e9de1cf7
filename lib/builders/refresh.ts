import type { Target } from "../family/family.ts";
import { targetState } from "../family/target.ts";
import { readState, writeState } from "../system/state-file.ts";
import { stampTime } from "../trust/facts.ts";

/**
 * When each target's packages were last upgraded. The stamp is the value of the SLIPWAY_REFRESH argument: a new one
 * makes podman run the upgrade step again. An image that was never refreshed has the empty stamp, so that two first
 * builds of the same inputs give the same image.
 */
export interface Refresh {
  stamp: string;
  /** Milliseconds since 1970. */
  at: number;
}

type Named = Pick<Target, "reference">;

/** A broken file costs one forgotten date, nothing else. */
function remembered(target: Named): Refresh | undefined {
  const { stamp, at } = (readState(targetState("refresh", target)) ?? {}) as Partial<Refresh>;
  return typeof stamp === "string" && typeof at === "number" ? { stamp, at } : undefined;
}

/** What is known of a target's packages; by `label` where only the image remembers, and from now on if nothing does. */
export function knownRefresh(target: Named, label: string | undefined, now: number): Refresh {
  const known = remembered(target);
  if (known && (label === undefined || known.stamp === label)) return known;
  return { stamp: label ?? "", at: label ? (stampTime(label) ?? 0) : now };
}

export function rememberRefresh(target: Named, refresh: Refresh): void {
  writeState(targetState("refresh", target), refresh);
}

/** 2026-11-21T03:30:00Z → "20261121T033000Z". */
export function newRefresh(now: number): Refresh {
  return { stamp: new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, ""), at: now };
}
