import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { testTitle } from "../cli/test-files.ts";
import { exit, Failure } from "../system/errors.ts";
import { print, say, seconds } from "../system/output.ts";
import { toolRoot } from "../system/project.ts";
import { type FileRun, type LastRun, lastRun } from "./times.ts";

/** Waits shorter than this share of their file are left out of the tree. */
const worthShowing = 0.03;

function title(id: string): string {
  return id.startsWith("tests/") ? testTitle(id) : id;
}

function row(text: string, part: number, whole: number): string {
  return `${seconds(part).padStart(8)} ${`${Math.round((part / whole) * 100)} %`.padStart(5)}  ${text}`;
}

function branches(file: FileRun, run: LastRun): string[] {
  const waited = Object.entries(file.waited).sort(([, a], [, b]) => b - a);
  const shown = waited.filter(([, part]) => part > file.seconds * worthShowing);
  return shown.map(([what, part]) => row(`   ${what}`, part, run.seconds));
}

/**
 * Where the time of a run went: the slowest files, and below each what it waited for.
 * @param most how many files are shown.
 * @returns lines. Percentages are of the run's time on the clock, so with several jobs they add up to more than 100.
 */
export function timesTree(run: LastRun, most = 15): string[] {
  const files = [...run.files].sort((a, b) => b.seconds - a.seconds);
  const work = files.reduce((sum, file) => sum + file.seconds, 0);
  const sums = new Map<string, number>();
  for (const { waited } of files)
    for (const [what, part] of Object.entries(waited)) sums.set(what, (sums.get(what) ?? 0) + part);
  const kinds = [...sums].sort(([, a], [, b]) => b - a).filter(([, part]) => part > work * 0.01);
  return [
    `${run.began}: ${files.length} files in ${seconds(run.seconds)}, ${run.jobs} at a time; ${seconds(work)} of work`,
    "",
    "what all of them waited for:",
    ...kinds.map(([what, part]) => row(`   ${what}`, part, run.seconds)),
    "",
    "the slowest files:",
    ...files.slice(0, most).flatMap((file) => [row(title(file.id), file.seconds, run.seconds), ...branches(file, run)]),
  ];
}

/** Files that take less than this are not worth a line of `tests/times.json`. */
const worthKeeping = 3;

/**
 * `test --times`: shows where the time of the last run went.
 * @param write keeps its times in `tests/times.json` too, for clones that have not run the tests yet.
 * @throws Failure (usage) where there was no run
 */
export function showTimes(write: boolean): number {
  const run = lastRun();
  if (!run) throw new Failure(exit.usage, "there is no last run in this checkout", { next: "bun run test" });
  print(timesTree(run).join("\n"));
  if (!write) return exit.done;
  const rows = run.files.filter((file) => file.seconds > worthKeeping && file.failed === 0);
  const times = Object.fromEntries(rows.map((file) => [file.id, Math.round(file.seconds)]).sort());
  writeFileSync(join(toolRoot, "tests/times.json"), `${JSON.stringify(times, null, 2)}\n`);
  say(`written: tests/times.json, ${rows.length} files`);
  return exit.done;
}
