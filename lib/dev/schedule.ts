/** In which order test files run, and which of them belong to a shard. */

/** A piece of work: a test file, or something that is made for several of them. */
export interface Job {
  /** A path of a test file, or the name of what is made. */
  id: string;
  /** Seconds that it is expected to take. */
  seconds: number;
  /** Ids of jobs that must have ended before. */
  after: string[];
}

/** Seconds from the start of each job to the end of all that waits for it. */
function chains(jobs: Job[]): Map<string, number> {
  const found = new Map<string, number>();
  const chain = (job: Job): number => {
    const known = found.get(job.id);
    if (known !== undefined) return known;
    const waiting = jobs.filter((other) => other.after.includes(job.id));
    const length = job.seconds + Math.max(0, ...waiting.map(chain));
    found.set(job.id, length);
    return length;
  };
  for (const job of jobs) chain(job);
  return found;
}

/** The jobs in the order in which they should start: what the most work waits for comes first. */
export function inOrder(jobs: Job[]): Job[] {
  const length = chains(jobs);
  return [...jobs].sort((a, b) => (length.get(b.id) ?? 0) - (length.get(a.id) ?? 0));
}

/**
 * The next job to start.
 * @param waiting in the order of `inOrder`. @param running ids of jobs that have begun and not ended.
 * @returns undefined: nothing can start now.
 */
export function nextJob(waiting: Job[], running: string[]): Job | undefined {
  const open = new Set([...waiting.map((job) => job.id), ...running]);
  return waiting.find((job) => job.after.every((id) => !open.has(id)));
}

/**
 * The files of one shard. Each file goes to the shard with the least work so far, the longest files first.
 * @param index from 1 to `count`.
 */
export function shard(files: string[], seconds: (file: string) => number, index: number, count: number): string[] {
  const sums = Array.from({ length: count }, () => 0);
  const mine = new Set<string>();
  for (const file of [...files].sort((a, b) => seconds(b) - seconds(a) || (a < b ? -1 : 1))) {
    const least = sums.indexOf(Math.min(...sums));
    sums[least] = (sums[least] ?? 0) + seconds(file);
    if (least === index - 1) mine.add(file);
  }
  return files.filter((file) => mine.has(file));
}

/** Seconds until everything has run: the work divided among the slots, or the longest chain. */
export function estimate(jobs: Job[], slots: number): number {
  const work = jobs.reduce((sum, job) => sum + job.seconds, 0);
  return Math.max(work / slots, ...chains(jobs).values(), 0);
}
