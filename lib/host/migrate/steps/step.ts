import type { Changes } from "../changes.ts";
import type { Journal } from "../journal.ts";
import type { Machine } from "../machine.ts";
import type { Plan } from "../plan.ts";
import { Clock } from "../progress.ts";

export interface Job {
  machine: Machine;
  plan: Plan;
  journal: Journal;
  changes: Changes;
}

/** One step of a migration. Broken off anywhere and run again, its end is the same. */
export interface Step {
  id: string;
  phase: string;
  title: string;
  /**
   * A step that looks at what others did is done anew after an interruption, as long as this other step is not done: the person may
   * have logged in to the old home meanwhile.
   */
  until?: string;
  /** @returns what the report says of it; nothing where there is nothing to say */
  run(job: Job): Promise<string | undefined>;
}

/** A tool of the system; what it says is in the log, unless it tells secrets. */
export async function tool(
  job: Pick<Job, "journal">,
  words: string[],
  secret = false,
): Promise<{ code: number; said: string; stdout: string }> {
  const { run } = await import("../../../system/shell.ts");
  job.journal.log(`+ ${words.join(" ")}`);
  const clock = new Clock(words.slice(0, 2).join(" "));
  try {
    return await run(words, { ...(secret ? {} : { log: job.journal.logFile }), env: { LC_ALL: "C" } });
  } finally {
    clock.end();
  }
}
