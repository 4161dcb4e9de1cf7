import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { statePath, toolRoot } from "../system/project.ts";
import { readState, writeState } from "../system/state-file.ts";

/** What is remembered of test runs on this machine, and what a new clone begins with. */

/** A stretch of time in which a test waited for something, such as `build` or `boot`. Milliseconds since 1970. */
export interface Span {
  what: string;
  began: number;
  ended: number;
}

/** One file, or one thing that several files need, in the last run. */
export interface FileRun {
  id: string;
  seconds: number;
  /** Seconds since the run began. */
  at: number;
  passed: number;
  failed: number;
  skipped: number;
  failures: string[];
  /** Seconds, by what it waited for. */
  waited: Record<string, number>;
}

export interface LastRun {
  /** ISO 8601. */
  began: string;
  seconds: number;
  jobs: number;
  files: FileRun[];
}

const lastFile = () => statePath("state", "tests-last.json");
const timesFile = () => statePath("state", "tests-times.json");

const secondsIn = (path: string) => readState(path) as Record<string, number> | undefined;

export function lastRun(): LastRun | undefined {
  return readState(lastFile()) as LastRun | undefined;
}

/** Keeps a run: as the last one, and each file's seconds for the order of the next. */
export function rememberRun(run: LastRun): void {
  writeState(lastFile(), run);
  const news = run.files
    .filter((file) => file.failed === 0)
    .map((file) => [file.id, Math.round(file.seconds * 10) / 10]);
  writeState(timesFile(), { ...secondsIn(timesFile()), ...Object.fromEntries(news) });
}

/** Nothing is known of a new file: it gets what a file of its suite usually takes. */
const usual: [RegExp, number][] = [
  [/^tests\/unit\//, 1],
  [/^tests\/vm\//, 120],
  [/./, 30],
];

/**
 * Seconds that a file is expected to take: as on this machine, else as in `tests/times.json`.
 * That file makes a fair start in a new clone; `./run test --times --write` writes it.
 */
export function expectedSeconds(): (id: string) => number {
  const known = {
    ...secondsIn(join(toolRoot, "tests/times.json")),
    ...secondsIn(timesFile()),
  };
  return (id) => known[id] ?? usual.find(([form]) => form.test(id))?.[1] ?? 1;
}

/** Seconds by kind of wait. Spans of one kind may overlap, when a test waits for two builds at once; that time counts once. */
export function waits(spans: Span[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const what of new Set(spans.map((span) => span.what))) {
    let until = 0;
    let sum = 0;
    for (const span of spans.filter((one) => one.what === what).sort((a, b) => a.began - b.began)) {
      sum += Math.max(0, span.ended - Math.max(span.began, until));
      until = Math.max(until, span.ended);
    }
    found[what] = Math.round(sum / 100) / 10;
  }
  return found;
}

/** The spans that a test file wrote, a JSON document a line. */
export function readSpans(path: string): Span[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Span);
}
