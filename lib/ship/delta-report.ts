import { changeLines, countChanges } from "../packages/changes.ts";
import { bytes, paintOut, print, printWidth, say, table } from "../system/output.ts";
import { foldWords, namedLines } from "../system/table.ts";
import type { ChangedLayer, Delta, Reasons } from "./delta.ts";

const words: [keyof Reasons, (n: number) => string][] = [
  ["content", (n) => `content ${bytes(n)}`],
  ["owner", (n) => `only owner, mode or xattr ${bytes(n)}`],
  ["times", (n) => `only times ${bytes(n)}`],
  ["moved", (n) => `moved here ${bytes(n)}`],
  ["left", (n) => `${n} files are no longer in it`],
  ["beside", (n) => `unchanged files in the same layer ${bytes(n)}`],
];

/** Why a layer changed, in words. */
export function because({ reasons }: ChangedLayer): string {
  if (!reasons) return "";
  const said = words.flatMap(([name, say]) => (reasons[name] > 0 ? [say(reasons[name])] : []));
  return said.length ? said.join(", ") : "links, folders or packing";
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

function packagesLine({ packages }: Delta): string {
  if (packages.known) return `packages: ${countChanges(packages)}`;
  return `packages: not known of ${packages.missing === "after" ? "B" : "A"}`;
}

/** The answer, in a few lines. */
function answer(delta: Delta, budget: number | undefined): string[] {
  const { download, requests, kept, changed, floor, efficiency } = delta;
  return [
    `${bytes(download)} to download${delta.unpacked ? " (unpacked, as in podman's storage)" : ""} in ${requests} requests; ${kept} of ${kept + changed.length} layers are there already`,
    ...(floor === undefined
      ? []
      : [`${bytes(floor)} really differ: efficiency ${((efficiency ?? 0) * 100).toFixed(0)} %`]),
    ...(budget === undefined ? [] : [`budget ${bytes(budget)}: ${download > budget ? "exceeded" : "kept"}`]),
    packagesLine(delta),
  ];
}

function layerTable({ changed }: Delta): string {
  const rows = [...changed]
    .sort((a, b) => b.size - a.size)
    .map((l) => [bytes(l.size), l.digest.slice(7, 19), cut(l.contents ?? l.files.join(" "), 48), because(l)]);
  return table(
    [["size", "layer", "contents", "why"], ...rows],
    (cell, _, row) => (row === 0 ? paintOut.dim(cell) : cell),
    { spare: [1], head: true },
  );
}

/** @param all with the changed layers and packages */
export function showDelta(delta: Delta, budget: number | undefined, all: boolean): void {
  const width = printWidth();
  const lines = answer(delta, budget).flatMap((line) => foldWords(line, width));
  print(lines.map((line) => paintOut.bold(line)).join("\n"));
  const { changed, packages } = delta;
  const lists = packages.known ? changeLines(packages) : [];
  if (!all) {
    if (changed.length || lists.length) say("next: the same with --all shows each changed layer and package");
    return;
  }
  if (changed.length) print(`\n${layerTable(delta)}`);
  for (const [what, list] of lists) print(`\n${namedLines([[what, list]], width).join("\n")}`);
}
