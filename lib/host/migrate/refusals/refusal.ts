import { type ExitCode, exit, Failure } from "../../../system/errors.ts";
import { bytes } from "../../../system/output.ts";
import { shown } from "../files/paths.ts";
import { deepest, type Item } from "../look/items.ts";

/** Why nothing is begun: rows that are looked at in order, the first that holds is shown. Nothing was changed before any of them. */
export interface Refusal<Look> {
  name: string;
  code: ExitCode;
  holds(look: Look): boolean;
  tell(look: Look): { what: string; tried?: string[]; next: string };
}

/** @throws the first refusal that holds */
export function refuse<Look>(rows: Refusal<Look>[], look: Look): void {
  const row = rows.find((r) => r.holds(look));
  if (!row) return;
  const { what, ...details } = row.tell(look);
  throw new Failure(row.code, what, details);
}

/** @throws Failure if folders are nested too deep */
export function refuseDepth(items: Item[]): void {
  const deep = items.filter(({ tooDeep }) => tooDeep);
  if (!deep.length) return;
  throw new Failure(exit.failed, `folders nested more than ${deepest} deep`, {
    tried: deep.map(({ path }) => `in ${shown(path)}`),
    next: "make them less deep, or choose what is kept without them, then run this again; nothing was changed",
  });
}

/** @throws Failure where a disk has too little room */
export function refuseRoom(short: { path: string; needed: number; free: number }[]): void {
  if (!short.length) return;
  throw new Failure(exit.failed, "there is too little room", {
    tried: short.map(({ path, needed, free }) => `${path}: ${bytes(needed)} needed, ${bytes(free)} free`),
    next: "make room, or choose less to keep, then run this again; nothing was changed",
  });
}
