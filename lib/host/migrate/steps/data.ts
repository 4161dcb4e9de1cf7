import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../../../cli/errors.ts";
import { bytes, say } from "../../../cli/output.ts";
import { Comparison, type Difference } from "../files/compare.ts";
import { copyTree, Mirror } from "../files/copy.ts";
import { syncAll } from "../files/libc.ts";
import { look, removeTree, shown } from "../files/paths.ts";
import { at } from "../machine.ts";
import { places } from "../plan.ts";
import { Bar } from "../progress.ts";
import type { Job, Step } from "./step.ts";

/**
 * The new home grows beside the old one, under a name that homed does not look at, and becomes a home only when every file in it was
 * compared. So whatever happens on the way, the old account works with the old home. A mount below the old home stays out.
 */

const skip = (job: Job) => (path: string) => job.plan.mounts.includes(path);

async function skeleton(job: Job, home: string): Promise<void> {
  const skel = at(job.machine, "/etc/skel");
  if (!existsSync(skel)) return;
  for (const name of readdirSync(skel)) if (!look(join(home, name))) await copyTree(join(skel, name), join(home, name));
  giveAway(home, job.plan.user.uid);
}

/** What came from the skeleton is root's, until here. */
function giveAway(path: string, uid: number): void {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true }))
    if (!entry.isSymbolicLink()) chownSync(join(entry.parentPath, entry.name), uid, uid);
}

export const newHome: Step = {
  id: "new-home",
  phase: "Home data",
  title: "an empty home beside the old one",
  async run(job) {
    const { growing, oldHome } = places(job.plan);
    const home = at(job.machine, growing);
    job.journal.add({ type: "undo", undo: { kind: "remove", path: growing } });
    removeTree(home);
    mkdirSync(home, { mode: 0o700 });
    await skeleton(job, home);
    const { uid } = job.plan.user;
    chownSync(home, uid, uid);
    chmodSync(home, Number(look(at(job.machine, oldHome))?.mode ?? 0o700n) & 0o777);
    return undefined;
  },
};

async function copy(job: Job, items: string[], title: string, total: number): Promise<string[]> {
  const { oldHome, growing } = places(job.plan);
  const skipped: string[] = [];
  const bar = new Bar(title, total);
  const onSkip = (path: string, why: string) => skipped.push(`${shown(path)}: ${why}`);
  const options = { meter: bar.add, skip: skip(job), onSkip };
  const mirror = new Mirror(at(job.machine, oldHome), at(job.machine, growing), options);
  for (const path of items) await mirror.item(path);
  const fd = openSync(at(job.machine, growing), "r");
  try {
    syncAll(fd);
  } finally {
    closeSync(fd);
  }
  bar.end();
  return skipped;
}

export const copyData: Step = {
  id: "copy",
  phase: "Home data",
  title: "home data copied",
  until: "place",
  async run(job) {
    const { items } = job.plan;
    const total = items.reduce((sum, item) => sum + item.bytes, 0);
    const paths = items.map(({ path }) => path);
    const skipped = await copy(job, paths, "copying", total);
    for (const line of skipped) if (!job.journal.notes.includes(line)) job.journal.add({ type: "note", text: line });
    return undefined;
  },
};

async function compare(job: Job): Promise<Comparison> {
  const { oldHome, growing } = places(job.plan);
  const bar = new Bar(
    "comparing",
    job.plan.items.reduce((sum, item) => sum + item.bytes, 0),
  );
  const options = { meter: bar.add, skip: skip(job) };
  const comparison = new Comparison(at(job.machine, oldHome), at(job.machine, growing), options);
  for (const { path } of job.plan.items) await comparison.item(path);
  bar.end();
  return comparison;
}

/** Whatever differs is copied once more from nothing: a power failure can leave a file whole by its time and empty by its contents. */
async function copyAgain(job: Job, differences: Difference[]): Promise<void> {
  const { growing } = places(job.plan);
  say(`${differences.length} differences: these are copied again`);
  for (const { path, what } of differences) {
    job.journal.log(`differs: ${what}`);
    if (job.plan.items.some((item) => path === item.path || path.startsWith(`${item.path}/`)))
      removeTree(`${at(job.machine, growing)}/${path}`);
  }
  await copy(
    job,
    job.plan.items.map(({ path }) => path),
    "again",
    0,
  );
}

export const compareData: Step = {
  id: "compare",
  phase: "Home data",
  title: "home data compared",
  until: "place",
  async run(job) {
    let comparison = await compare(job);
    if (comparison.differences.length) {
      await copyAgain(job, comparison.differences);
      comparison = await compare(job);
    }
    const { differences, counts } = comparison;
    if (differences.length)
      throw new Failure(exit.failed, `the new home is not what the old one is: ${differences.length} differences`, {
        tried: differences.slice(0, 5).map(({ what }) => what),
        next: "see that nothing writes to the old home and that the disk is sound (`journalctl -k -p err`), then run this again",
        log: job.journal.logFile,
      });
    const { files, folders, links } = counts;
    return `${files} files, ${folders} folders, ${links} links, ${bytes(counts.bytes)}: the same in the old home and in the new one`;
  },
};
