import { availableParallelism } from "node:os";
import type { Arguments } from "../cli/args.ts";
import { isSlow, selectTests, testTitle } from "../cli/test-files.ts";
import { exit, Failure } from "../system/errors.ts";
import { toolRoot } from "../system/project.ts";
import { changedFiles, reachedBy } from "./reach.ts";
import { shard } from "./schedule.ts";
import { expectedSeconds, lastRun } from "./times.ts";

export interface Chosen {
  /** Test files, by paths from the root. */
  files: string[];
  /** How many run at a time. */
  jobs: number;
  /** Why these, for the reader. */
  because: string[];
}

/** In CI everything runs; elsewhere slow files only with `--slow`, or when they are named. */
function withSlow(args: Arguments): boolean {
  return args.has("slow") || !!process.env.CI;
}

/** "2/3" → the second of three. @throws Failure (usage) */
function parseShard(text: string): { index: number; count: number } {
  const [, index, count] = (/^(\d{1,3})\/(\d{1,3})$/.exec(text) ?? []).map(Number);
  if (index && count && index <= count) return { index, count };
  throw new Failure(exit.usage, `\`${text}\` is not a shard`, { tried: ["such as 2/3: the second of three parts"] });
}

/** The files that failed in the last run. @throws Failure (usage) where there was none */
function failedBefore(): string[] {
  const last = lastRun();
  if (!last) throw new Failure(exit.usage, "there is no last run in this checkout", { next: "bun run test" });
  return last.files.filter((file) => file.failed > 0).map((file) => file.id);
}

/**
 * What a command line of `test` asks for: words, then of these only what changed, what failed, or one shard.
 * @throws Failure (usage)
 */
export async function chooseTests(args: Arguments): Promise<Chosen> {
  const because: string[] = [];
  const since = args.value("since");
  const narrowed = args.has("changed") || since !== undefined;
  let files = selectTests(toolRoot, args.words, withSlow(args) || narrowed || args.has("rerun-failed"));
  if (args.has("rerun-failed")) {
    const failed = failedBefore();
    files = files.filter((file) => failed.includes(file));
    if (files.length === 0) because.push("nothing of this failed in the last run");
  }
  if (narrowed) {
    const changed = await changedFiles(toolRoot, since);
    const reached = reachedBy(toolRoot, files, changed);
    because.push(...reached.map(({ file, because: way }) => `${testTitle(file)}: ${way}`));
    if (reached.length === 0)
      because.push(
        changed.length ? "no test reaches what changed" : `nothing changed since ${since ?? "the last commit"}`,
      );
    files = reached.map(({ file }) => file);
  }
  const part = args.value("shard");
  if (part !== undefined) {
    const { index, count } = parseShard(part);
    files = shard(files, expectedSeconds(), index, count);
    because.push(`part ${index} of ${count}: ${files.map(testTitle).join(" ")}`);
  }
  return { files, jobs: args.count("jobs", availableParallelism()), because };
}

/** A line about the files that only `--slow` and CI run; empty where none was left out. */
export function leftOut(args: Arguments, files: string[]): string | undefined {
  if (withSlow(args)) return undefined;
  const left = selectTests(toolRoot, args.words).filter((file) => isSlow(file) && !files.includes(file));
  return left.length
    ? `left out, as they take minutes: ${left.map(testTitle).join(" ")} (--slow runs them)`
    : undefined;
}
