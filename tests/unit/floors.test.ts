import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importsOf } from "../../lib/dev/reach.ts";
import { checkout } from "../support/sandbox.ts";

// The house: who may know whom. Imports of types count too, because what is hard to explain in types is hard to change.

/** The rooms of each floor, the ground first. A room knows the floors below; the lower ones know neighbours too, never in a circle. */
const floors: { rooms: string[]; neighbours: boolean }[] = [
  { rooms: ["system"], neighbours: false },
  { rooms: ["tools", "cli", "family", "oci"], neighbours: true },
  { rooms: ["layers", "packages", "trust"], neighbours: true },
  { rooms: ["builders", "ship", "vm", "host"], neighbours: false },
  { rooms: ["bench", "dev", "index.ts"], neighbours: false },
  { rooms: ["scripts"], neighbours: false },
];

const files = ["lib/**/*.ts", "scripts/*.ts"].flatMap((pattern) => globSync(pattern, { cwd: checkout })).sort();

const imports = (file: string) => importsOf(checkout, file);

const graph = new Map(files.map((file) => [file, imports(file)]));

function room(file: string): string {
  return file.startsWith("scripts/") ? "scripts" : (file.split("/")[1] ?? "");
}

function floor(file: string): number {
  return floors.findIndex(({ rooms }) => rooms.includes(room(file)));
}

/** The first circle of a graph, as a path; empty without one. */
function circle(of: Map<string, Iterable<string>>): string[] {
  const done = new Set<string>();
  const visit = (node: string, way: string[]): string[] => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const next of of.get(node) ?? []) {
      const found = visit(next, [...way, node]);
      if (found.length) return found;
    }
    done.add(node);
    return [];
  };
  for (const node of of.keys()) {
    const found = visit(node, []);
    if (found.length) return found;
  }
  return [];
}

const edges = [...graph].flatMap(([from, all]) => all.map((to) => ({ from, to })));

test("there is something to look at", () => {
  expect(edges.length).toBeGreaterThan(100);
  expect(imports("lib/family/manifest.ts")).toContain("lib/family/check.ts");
});

test("every room has a floor", () => {
  expect(files.filter((file) => floor(file) < 0)).toEqual([]);
});

test("every import is of a file of the house", () => {
  expect(edges.filter(({ to }) => !graph.has(to))).toEqual([]);
});

test("no import runs upward", () => {
  expect(edges.filter(({ from, to }) => floor(to) > floor(from))).toEqual([]);
});

test("rooms side by side do not know each other", () => {
  const across = edges.filter(({ from, to }) => floor(from) === floor(to) && room(from) !== room(to));
  expect(across.filter(({ from }) => !floors[floor(from)]?.neighbours)).toEqual([]);
});

test("no command imports another", () => {
  expect(edges.filter(({ to }) => room(to) === "scripts")).toEqual([]);
});

test("no file and no room is in a circle", () => {
  expect(circle(graph)).toEqual([]);
  const rooms = new Map<string, Set<string>>();
  for (const { from, to } of edges)
    if (room(from) !== room(to)) rooms.set(room(from), (rooms.get(room(from)) ?? new Set()).add(room(to)));
  expect(circle(rooms)).toEqual([]);
});

describe("small files", () => {
  const lines = (file: string) => readFileSync(join(checkout, file), "utf8").trimEnd().split("\n").length;

  test("a command is at most 40 lines", () => {
    expect(files.filter((file) => room(file) === "scripts" && lines(file) > 40)).toEqual([]);
  });

  test("a file of lib/ is at most 250 lines", () => {
    expect(files.filter((file) => lines(file) > 250)).toEqual([]);
  });
});

test("programs are started by zx (lib/system/shell.ts); where they are not, a sentence says why", () => {
  const silent = files.flatMap((file) => {
    const lines = readFileSync(join(checkout, file), "utf8").split("\n");
    return lines.flatMap((line, i) =>
      line.includes("Bun.spawn(") && !/\/\/ Not by zx: \w/.test(lines[i - 1] ?? "") ? [`${file}:${i + 1}`] : [],
    );
  });
  expect(silent).toEqual([]);
});
