import { appendFileSync, writeFileSync } from "node:fs";
import { exit, Failure } from "./errors.ts";
import { MovingLines } from "./moving-lines.ts";
import { mayMove, paint, say, seconds, warn } from "./output.ts";
import { stateFailure, statePath } from "./project.ts";

/** A titled piece of work. */
export interface Step<T = unknown> {
  id: string;
  title: string;
  /** Ids of the steps that must have gone well before this one starts. */
  after: string[];
  run(progress: Progress): Promise<T>;
}

/** What a running step tells the reader. */
export interface Progress {
  /** The file that gets everything the step's tools say. */
  readonly log: string;
  /** What is going on right now: one line, shown only on a terminal. */
  now(text: string): void;
}

export type StepResult<T = unknown> = { id: string; title: string; seconds: number } & (
  | { state: "done"; value: T }
  | { state: "failed"; error: Failure }
  | { state: "left"; because: string }
);

function asFailure(error: unknown, log: string): Failure {
  if (error instanceof Failure) return error;
  const refused = stateFailure(error);
  if (refused) return refused;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Failure(exit.failed, `a bug in Slipway: ${text}`, { log });
}

/** The empty log of a step. */
function newLog(id: string): string {
  const log = statePath("logs", `${id.replaceAll(/[^\w.-]/g, "_")}.log`);
  writeFileSync(log, "");
  return log;
}

/** A log that cannot be written does not hide what went wrong: that is shown anyway. */
function note(log: string, error: Failure): void {
  try {
    if (log) appendFileSync(log, `\n${error.lines().join("\n")}\n`);
  } catch {}
}

/**
 * Runs steps, those that do not wait for each other side by side.
 * A failing step leaves out only what is based on it; the others go on.
 * @param jobs how many run at the same time.
 * @returns one result a step, in the order given.
 */
export async function runSteps<T>(steps: Step<T>[], jobs: number): Promise<StepResult<T>[]> {
  const results = new Map<string, StepResult<T>>();
  const running = new Map<string, Promise<void>>();
  const known = new Set(steps.map((s) => s.id));
  const waiting = [...steps];
  const lines = new MovingLines();
  const grouped = !!process.env.GITHUB_ACTIONS && jobs === 1;

  const start = async (step: Step<T>): Promise<void> => {
    const began = performance.now();
    const took = () => (performance.now() - began) / 1000;
    if (grouped) say(`::group::${step.title}`);
    else if (!mayMove()) say(`… ${step.title}`);
    lines.set(step.id, step.title);
    let log = "";
    try {
      // The loop below must have noted the step as running before it can end.
      await Promise.resolve();
      log = newLog(step.id);
      const value = await step.run({ log, now: (text) => lines.set(step.id, `${step.title}: ${text}`) });
      results.set(step.id, { id: step.id, title: step.title, seconds: took(), state: "done", value });
      lines.remove(step.id, `${paint.green("✓")} ${step.title} ${paint.dim(seconds(took()))}`);
    } catch (thrown) {
      const error = asFailure(thrown, log);
      note(log, error);
      results.set(step.id, { id: step.id, title: step.title, seconds: took(), state: "failed", error });
      const line = `${paint.red("✗")} ${step.title} ${paint.dim(seconds(took()))}\n${error.lines().join("\n")}`;
      lines.remove(step.id, line, warn);
    }
    if (grouped) say("::endgroup::");
    running.delete(step.id);
  };

  while (waiting.length || running.size) {
    for (const step of [...waiting]) {
      const blocker = step.after
        .filter((id) => known.has(id))
        .find((id) => (results.get(id)?.state ?? "done") !== "done");
      if (blocker !== undefined) {
        waiting.splice(waiting.indexOf(step), 1);
        const because = `it needs ${blocker}`;
        results.set(step.id, { id: step.id, title: step.title, seconds: 0, state: "left", because });
        warn(`${paint.yellow("–")} ${step.title}: left out, ${because}`);
        continue;
      }
      const ready = step.after.every((id) => !known.has(id) || results.has(id));
      if (!ready || running.size >= jobs) continue;
      waiting.splice(waiting.indexOf(step), 1);
      running.set(step.id, start(step));
    }
    if (running.size) await Promise.race(running.values());
  }
  return steps.flatMap((s) => results.get(s.id) ?? []);
}

/** Runs a single step. @throws Failure that names it where it failed; what happened is on the screen by then */
export async function runStep<T>(step: Step<T>): Promise<T> {
  const [result] = await runSteps([step], 1);
  if (result?.state === "done") return result.value;
  if (result?.state === "failed") throw new Failure(result.error.code, `${step.title} failed`);
  throw new Failure(exit.failed, `${step.title} was left out`);
}

/**
 * The exit code of a command that ran steps: 3 if one of them lacked something on this machine, 1 if one failed. A step is left out
 * because of one that failed, or because the caller asked for it.
 */
export function exitCode(results: StepResult[]): number {
  const codes = results.flatMap((r) => (r.state === "failed" ? [r.error.code] : []));
  if (codes.includes(exit.missing)) return exit.missing;
  return codes.length ? exit.failed : exit.done;
}
