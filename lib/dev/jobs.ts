import { existsSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { toolRoot } from "../system/project.ts";
import { headerOf } from "./header.ts";
import type { Job } from "./schedule.ts";

/** The program that makes what a test needs. @throws Failure (usage) for a name that has none. */
function program(name: string, from: string): string {
  const file = `tests/needs/${name}.ts`;
  if (existsSync(join(toolRoot, file))) return file;
  throw new Failure(exit.usage, `${from} needs \`${name}\`, and there is no ${file}`);
}

/**
 * The jobs for test files: the files, and the programs that make what they need, each once.
 * @param files paths from the root.
 * @param seconds what a file or program is expected to take.
 */
export function planJobs(files: string[], seconds: (id: string) => number): Job[] {
  const jobs = new Map<string, Job>();
  const add = (file: string) => {
    if (jobs.has(file)) return;
    const after = headerOf(toolRoot, file).needs.map((name) => program(name, file));
    jobs.set(file, { id: file, seconds: seconds(file), after });
    for (const need of after) add(need);
  };
  for (const file of files) add(file);
  return [...jobs.values()];
}
