import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { run } from "../system/shell.ts";
import { headerOf } from "./header.ts";

/** A change here may change anything. */
const everything = ["package.json", "bun.lock", "bunfig.toml", "tsconfig.json", "run", ".ci/"];

/** A test file that a change reaches, and the way from one to the other: `lib/vm/ssh.ts ← tests/support/guests.ts`. */
export interface Reached {
  file: string;
  because: string;
}

/** The project's own files that a file imports, by paths from the root. Types count: a test that uses one may change with it. */
export function importsOf(root: string, file: string): string[] {
  if (!file.endsWith(".ts") || !existsSync(join(root, file))) return [];
  const text = readFileSync(join(root, file), "utf8");
  const named = [
    ...text.matchAll(/^(?:import|export)\b[^;]*?\bfrom "(\.[^"]+)"/gm),
    ...text.matchAll(/\bimport\("(\.[^"]+)"\)/g),
    ...text.matchAll(/^import "(\.[^"]+)"/gm),
  ];
  return named.map((m) => join(dirname(file), m[1] ?? ""));
}

/** What a word of a `reaches` line stands for: a folder (ends with `/`), a file, or the script of a command. */
function declared(root: string, word: string): string {
  const script = `scripts/${word}.ts`;
  return !word.includes("/") && existsSync(join(root, script)) ? script : word;
}

/** Everything that a test file reaches, each with the file it is reached from; folders end with `/`. */
export function reachOf(root: string, test: string): Map<string, string> {
  const from = new Map<string, string>([[test, ""]]);
  for (const file of from.keys()) {
    const next = file === test ? headerOf(root, file).reaches.map((word) => declared(root, word)) : [];
    for (const one of [...importsOf(root, file), ...next]) if (!from.has(one)) from.set(one, file);
  }
  return from;
}

/** Which of the tests a change reaches, by the first of the changed files that does. */
export function reachedBy(root: string, tests: string[], changed: string[]): Reached[] {
  const all = changed.find((file) =>
    everything.some((one) => file === one || (one.endsWith("/") && file.startsWith(one))),
  );
  if (all !== undefined) return tests.map((file) => ({ file, because: `${all} may change anything` }));
  return tests.flatMap((file) => {
    const from = reachOf(root, file);
    const folders = [...from.keys()].filter((name) => name.endsWith("/"));
    for (const change of changed) {
      const at = from.has(change) ? change : folders.find((folder) => change.startsWith(folder));
      if (at === undefined) continue;
      const way = at === change ? [change] : [change, at];
      for (let step = from.get(at); step && step !== file; step = from.get(step)) way.push(step);
      return [{ file, because: change === file ? "it changed itself" : way.join(" ← ") }];
    }
    return [];
  });
}

/**
 * The files that differ from a commit, new ones included.
 * @param since a commit, branch or tag; HEAD means what is not committed yet.
 * @throws Failure (usage) where git does not know it
 */
export async function changedFiles(root: string, since = "HEAD"): Promise<string[]> {
  const git = async (...words: string[]) => {
    const { code, stdout, said } = await run(["git", "-C", root, ...words]);
    if (code === 0) return stdout.split("\0").filter(Boolean);
    throw new Failure(exit.usage, `git does not tell what changed since ${since}`, {
      tried: [`git ${words.join(" ")}`, ...said.trim().split("\n").slice(-2)],
      next: "name a commit that is in this clone: ./run test --since main",
    });
  };
  const differ = await git("diff", "--name-only", "--no-renames", "-z", "--end-of-options", since, "--");
  const fresh = await git("ls-files", "--others", "--exclude-standard", "-z");
  return [...new Set([...differ, ...fresh])].sort();
}
