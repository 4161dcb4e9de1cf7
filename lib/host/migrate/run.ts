import { exit, Failure } from "../../system/errors.ts";
import { paint, say, seconds } from "../../system/output.ts";
import { Changes } from "./changes.ts";
import type { Journal } from "./journal.ts";
import type { Machine } from "./machine.ts";
import { writeReport } from "./report.ts";
import { steps } from "./steps/all.ts";
import type { Job, Step } from "./steps/step.ts";

/** Errors of the system that a person can fix. */
const advice: Record<string, string> = {
  ENOSPC: "make room on the disk, then run this again: it continues from here",
  EDQUOT: "the quota is used up: raise it, then run this again: it continues from here",
  EROFS: "the disk became read-only: see `journalctl -k -p err`, then run this again: it continues from here",
  EXDEV: "something was mounted below the old home meanwhile: unmount it, or run this again, which leaves it out",
  EIO: "the disk has a fault: see `journalctl -k -p err`; with --rollback everything is as it was",
};

function failureOf(step: Step, thrown: unknown, log: string): Failure {
  if (thrown instanceof Failure) return thrown;
  const { code = "", message = String(thrown) }: NodeJS.ErrnoException =
    thrown instanceof Error ? thrown : new Error(String(thrown));
  const next = advice[code] ?? "run this again: it continues from here; with --rollback everything is as it was";
  return new Failure(exit.failed, `${step.title}: ${message}`, { next, log });
}

/** A step that was done already, and needs no second look. */
function isBehind(step: Step, journal: Journal): boolean {
  return journal.isDone(step.id) && (step.until === undefined || journal.isDone(step.until));
}

/**
 * Does the steps that are not done yet, one after the other, and ends with the report.
 * @throws Failure of the first that fails; what was done stays, and the next run goes on with it
 */
export async function goOn(machine: Machine, journal: Journal): Promise<void> {
  const job: Job = { machine, plan: journal.plan, journal, changes: new Changes(machine, journal) };
  let phase = "";
  for (const step of steps) {
    if (isBehind(step, journal)) continue;
    if (phase !== step.phase) say(paint.bold(step.phase));
    phase = step.phase;
    const began = performance.now();
    journal.add({ type: "begun", step: step.id });
    journal.log(`begun: ${step.id}`);
    try {
      const note = await step.run(job);
      journal.add({ type: "done", step: step.id, ...(note === undefined ? {} : { note }) });
    } catch (thrown) {
      const failure = failureOf(step, thrown, journal.logFile);
      journal.log(`failed: ${step.id}: ${failure.lines().join("; ")}`);
      throw failure;
    }
    say(`${paint.green("✓")} ${step.title} ${paint.dim(seconds((performance.now() - began) / 1000))}`);
  }
  writeReport(machine, journal);
  journal.add({ type: "finished" });
}
