import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { statePath } from "../system/project.ts";
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

const file = () => statePath("state", "refresh.json");

function readAll(): Record<string, Refresh> {
  if (!existsSync(file())) return {};
  try {
    const stored: Record<string, Partial<Refresh>> = JSON.parse(readFileSync(file(), "utf8"));
    const good = Object.entries(stored).flatMap(([name, { stamp, at }]): [string, Refresh][] =>
      typeof stamp === "string" && typeof at === "number" ? [[name, { stamp, at }]] : [],
    );
    return Object.fromEntries(good);
  } catch {
    return {}; // a broken file costs one forgotten date, nothing else
  }
}

/** What is known of a target's packages; by `label` where only the image remembers, and from now on if nothing does. */
export function knownRefresh(reference: string, label: string | undefined, now: number): Refresh {
  const known = readAll()[reference];
  if (known && (label === undefined || known.stamp === label)) return known;
  return { stamp: label ?? "", at: label ? (stampTime(label) ?? 0) : now };
}

export function rememberRefresh(reference: string, refresh: Refresh): void {
  const text = `${JSON.stringify({ ...readAll(), [reference]: refresh }, null, 2)}\n`;
  writeFileSync(`${file()}.${process.pid}`, text);
  renameSync(`${file()}.${process.pid}`, file());
}

/** 2026-11-21T03:30:00Z → "20261121T033000Z". */
export function newRefresh(now: number): Refresh {
  return { stamp: new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, ""), at: now };
}
