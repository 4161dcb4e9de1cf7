import { unlessInterrupted } from "../system/interrupt.ts";
import { MovingLines } from "../system/moving-lines.ts";
import { say } from "../system/output.ts";
import { planJobs } from "./jobs.ts";
import { startKeeper } from "./keeper.ts";
import { endedLine, jobTitle, Progress, showFailure } from "./progress.ts";
import { runFile } from "./run-file.ts";
import { clearDeadRuns, clearRun, thisRun } from "./run-folder.ts";
import { inOrder, type Job, nextJob } from "./schedule.ts";
import { trimSharedImages } from "./shared-images.ts";
import { expectedSeconds, type FileRun, type LastRun, waits } from "./times.ts";

export interface RunOptions {
  /** How many files run at a time. */
  jobs: number;
  /** Nothing more begins after the first failure, and what runs is ended. */
  bail: boolean;
}

/** The files of a run: those that wait, those that run, and what became of the others. */
class Queue {
  readonly rows: FileRun[] = [];
  private readonly began = performance.now();
  private readonly waiting: Job[];
  private readonly running = new Map<Job, { at: number; work: Promise<void> }>();
  private readonly lines = new MovingLines();
  private readonly progress: Progress;
  private readonly stop = new AbortController();

  constructor(
    private readonly all: Job[],
    private readonly options: RunOptions,
  ) {
    this.waiting = [...all];
    this.progress = new Progress(all, options.jobs);
  }

  /** Seconds since the run began. */
  get clock(): number {
    return (performance.now() - this.began) / 1000;
  }

  get far(): string {
    const ran = [...this.running.values()].reduce((sum, { at }) => sum + this.clock - at, 0);
    return this.progress.text([...this.waiting, ...this.running.keys()], ran);
  }

  async run(): Promise<void> {
    const { jobs } = this.options;
    while (this.waiting.length || this.running.size) {
      await unlessInterrupted();
      const ids = [...this.running.keys()].map(({ id }) => id);
      const next = ids.length < jobs ? nextJob(this.waiting, ids) : undefined;
      if (next) this.start(next);
      else await Promise.race([...this.running.values()].map(({ work }) => work));
    }
  }

  private start(job: Job): void {
    this.waiting.splice(this.waiting.indexOf(job), 1);
    const at = this.clock;
    this.lines.set(job.id, jobTitle(job.id));
    this.running.set(job, { at, work: this.work(job, at) });
  }

  /** What could not be made (a need) is made by each file for itself, or fails there with the reason. */
  private async work(job: Job, at: number): Promise<void> {
    const outcome = await runFile(job.id, this.all.indexOf(job), this.stop.signal);
    const took = this.clock - at;
    this.running.delete(job);
    this.progress.ended(job, took);
    const { log: _, spans, endedEarly, ...counts } = outcome;
    if (!endedEarly) this.rows.push({ id: job.id, seconds: took, at, ...counts, waited: waits(spans) });
    this.lines.remove(job.id, endedLine(job.id, outcome, took, this.far));
    if (outcome.failed === 0) return;
    await showFailure(job.id, outcome);
    if (!this.options.bail) return;
    this.waiting.length = 0;
    this.stop.abort();
  }
}

/**
 * Runs test files and what they need, several at a time; nothing of the run is left afterwards.
 * @param files paths from the root.
 * @returns the run with one row a file, in the order in which they ended.
 */
export async function runTests(files: string[], options: RunOptions): Promise<LastRun> {
  await clearDeadRuns();
  startKeeper();
  if (files.some((file) => !file.startsWith("tests/unit/"))) await trimSharedImages();
  const began = new Date().toISOString();
  const queue = new Queue(inOrder(planJobs(files, expectedSeconds())), options);
  say(`${files.length} files, ${options.jobs} at a time: ${queue.far}`);
  await queue.run();
  await clearRun(thisRun());
  return { began, seconds: queue.clock, jobs: options.jobs, files: queue.rows };
}
