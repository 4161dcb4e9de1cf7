import { basename } from "node:path";
import { testTitle } from "../cli/test-files.ts";
import { paint, say, seconds } from "../system/output.ts";
import { failedParts } from "./junit.ts";
import { isNeed, type Outcome } from "./run-file.ts";
import { estimate, type Job } from "./schedule.ts";

/** What a run of tests shows its reader: how far it is, each file that ended, and what a failure needs. */

/** How far a run is, and about how long the rest takes, by how long this machine took for what has ended. */
export class Progress {
  private done = 0;
  private took = 0;
  private expected = 0;

  constructor(
    private readonly all: Job[],
    private readonly slots: number,
  ) {}

  ended(job: Job, took: number): void {
    this.done++;
    // what is made for several files may come from a cache, which says nothing about the machine
    if (isNeed(job.id)) return;
    this.took += took;
    this.expected += job.seconds;
  }

  /** "12 of 86, about 9 min left". @param open jobs that have not ended; of those that run, `ran` seconds are over. */
  text(open: Job[], ran: number): string {
    const speed = this.expected > 5 ? Math.min(6, Math.max(0.2, this.took / this.expected)) : 1;
    const left = Math.max(0, estimate(open, this.slots) * speed - ran / this.slots);
    const about = left < 90 ? `${Math.ceil(left / 10) * 10} s` : `${Math.round(left / 60)} min`;
    return `${this.done} of ${this.all.length}${open.length ? `, about ${about} left` : ""}`;
  }
}

/** What a job is called while it runs. */
export function jobTitle(id: string): string {
  return isNeed(id) ? `making ${basename(id, ".ts")}` : testTitle(id);
}

/** The line of a file that ended: `✓ unit/args   18 passed 0.3s`. */
export function endedLine(id: string, outcome: Outcome, took: number, far: string): string {
  const { passed, failed, skipped, endedEarly } = outcome;
  const mark = endedEarly ? "–" : failed ? paint.red("✗") : paint.green("✓");
  const counts = Object.entries({ passed, failed, skipped }).filter(([, count]) => count > 0);
  const told = endedEarly ? "ended early" : counts.map(([what, count]) => `${count} ${what}`).join(", ");
  return `${mark} ${jobTitle(id).padEnd(30)} ${told} ${paint.dim(`${seconds(took)}  (${far})`)}`;
}

/** Lines of a failed test that are shown at most; the log has all. */
const mostLines = 60;

/** Shows of a failed file: what was expected and what came, the log, and how to run it alone. */
export async function showFailure(file: string, { failures, log }: Outcome): Promise<void> {
  for (const part of failedParts(await Bun.file(log).text())) {
    const lines = part.split("\n");
    const left = lines.length - mostLines;
    if (left > 0) say(`  (the log has ${left} lines before these)`);
    for (const line of lines.slice(-mostLines)) say(`  ${line}`);
  }
  for (const failure of failures) say(`  failed: ${failure}`);
  say(`  log: ${log}`);
  if (!isNeed(file)) say(`  alone: bun run test ${testTitle(file)}`);
}
