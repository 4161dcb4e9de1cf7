import type { State } from "./health.ts";
import { type Box, boxNames, toolboxId, toolboxReference } from "./toolbox.ts";
import { type Contents, toolboxContents } from "./toolbox-contents.ts";

/** A toolbox as `doctor` tells of it. */
export interface ToolboxHealth extends Contents {
  name: Box;
  reference: string;
  built: boolean;
  /** It was made so long ago that its tools may lack security updates. */
  old: boolean;
}

/** Debian's stable suite has a point release about every two months. */
const freshDays = 60;

/** Pure: whether packages of a day (as 2026-11-26) are old at a time in milliseconds since 1970. */
export function isOld(day: string | undefined, now: number): boolean {
  return day === undefined || now - Date.parse(day) > freshDays * 86_400_000;
}

/** What the toolboxes are made of, without building any. */
export async function toolboxHealth(): Promise<ToolboxHealth[]> {
  const all: ToolboxHealth[] = [];
  for (const name of boxNames) {
    const built = (await toolboxId(name).catch(() => undefined)) !== undefined;
    const contents = built ? await toolboxContents(name) : { suite: undefined, day: undefined, packages: {} };
    const reference = toolboxReference(name);
    all.push({ name, reference, built, old: built && isOld(contents.day, Date.now()), ...contents });
  }
  return all;
}

/** Tools shown with their full version: they handle the key, or decide what is trusted. */
const told = ["cosign", "skopeo", "ostree", "buildstream"];

/** Pure: lines about a toolbox, as rows with a state and a name. */
export function toolboxRows(box: ToolboxHealth): [State, string, string][] {
  const { name, built, old, suite, day, packages, reference } = box;
  if (!built) return [["later", name, "built on first use"]];
  const state = old ? "note" : "good";
  const versions = told.flatMap((one) => (packages[one] ? `${one} ${packages[one]}` : []));
  return [
    [state, name, `Debian ${suite ?? "of an unknown suite"} of ${day ?? "an unknown day"}`],
    ...(versions.length ? [["good", "", versions.join(", ")] satisfies [State, string, string]] : []),
    ...(old ? [["note", "", `to rebuild it: podman rmi ${reference}`] satisfies [State, string, string]] : []),
  ];
}
