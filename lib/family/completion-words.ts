import { readdirSync } from "node:fs";
import type { WordKind } from "../cli/commands/row.ts";
import { commands } from "../cli/commands.ts";
import type { Candidate } from "../cli/completions.ts";
import { ownCommands } from "../cli/own-commands.ts";
import { shells } from "../cli/shells.ts";
import { selectTests, suites, testName } from "../cli/test-files.ts";
import { statePath, toolRoot } from "../system/project.ts";
import type { Family, Flavor } from "./family.ts";
import { loadFamily } from "./manifest.ts";
import { displayManagers } from "./rules.ts";

const bare = (words: Iterable<string>): Candidate[] => [...words].map((word) => ({ word, summary: "" }));

function titled(flavors: Flavor[]): Candidate[] {
  return flavors.map((f) => ({ word: f.name, summary: f.title }));
}

/** Words joined by commas: each further one after what is there. */
function arches(family: Family, typed: string): Candidate[] {
  const done = typed.split(",").slice(0, -1);
  const left = [...family.arches.values()].filter((a) => !done.includes(a.name));
  return left.map((a) => ({ word: [...done, a.name].join(","), summary: a.title }));
}

function tests(): Candidate[] {
  const files = selectTests(toolRoot, []);
  return bare([...suites, ...files.map(testName)]);
}

/** Of the machines that were ever started here; the command itself tells which of them run. */
function machineNames(): string[] {
  try {
    return readdirSync(statePath("vm")).sort();
  } catch {
    return [];
  }
}

/** The words of each kind, from the manifest as it is now. */
const kinds: Record<WordKind, (before: string[]) => Promise<Candidate[]>> = {
  command: async () => [...commands, ...ownCommands()].map((c) => ({ word: c.name, summary: c.summary })),
  arch: async () => [...(await loadFamily()).arches.values()].map((a) => ({ word: a.name, summary: a.title })),
  arches: async (before) => arches(await loadFamily(), before.at(-1) ?? ""),
  flavor: async ([arch = ""]) => {
    const here = [...(await loadFamily()).flavors.values()].filter((f) => f.arches.includes(arch));
    return [...titled(here), ...(here.length ? [{ word: "all", summary: `every flavor of ${arch}` }] : [])];
  },
  base: async () => [
    ...titled([...(await loadFamily()).flavors.values()]),
    { word: "none", summary: "the arch's own base image" },
  ],
  "display-manager": async () => bare(["none", ...displayManagers]),
  test: async () => tests(),
  shell: async () => bare(Object.keys(shells)),
  filesystem: async () => bare(["ext4", "btrfs"]),
  "vm-verb": async () => bare(["list", "ssh", "stop", "log"]),
  vm: async () => bare(machineNames()),
};

/** What completes a word of this kind. */
export function wordsOf(kind: WordKind, before: string[]): Promise<Candidate[]> {
  return kinds[kind](before);
}
