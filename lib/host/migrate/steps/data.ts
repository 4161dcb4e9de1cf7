import { closeSync, existsSync, mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { exit, Failure } from "../../../system/errors.ts";
import { bytes, say } from "../../../system/output.ts";
import { Held } from "../../below.ts";
import { syncAll } from "../../libc.ts";
import { typed } from "../../names.ts";
import { Comparison, type Difference } from "../files/compare.ts";
import { Mirror } from "../files/copy.ts";
import { shown } from "../files/paths.ts";
import { mountsBelow } from "../look/items.ts";
import { at } from "../machine.ts";
import { places } from "../plan.ts";
import { Bar } from "../progress.ts";
import type { Job, Step } from "./step.ts";

/**
 * The new home grows next to the old one, in a folder that only root may enter. It becomes a home only after every file in it
 * was compared. So whatever happens before that, the old account works with the old home, and nobody can put anything into the
 * new one while root fills it. Mounts below the old home are not copied.
 */

/** What is mounted below the old home: when the plan was made, and now. */
function skip(job: Job): (path: string) => boolean {
  const mounts = new Set([...job.plan.mounts, ...mountsBelow(at(job.machine, places(job.plan).oldHome))]);
  return (path) => mounts.has(path);
}

/** The name of the new home in the folder in which it grows. */
export const seed = "home";

/** The new home has its name: nothing is copied into it any more, also where the line that says so was not written. */
export function isHandedOver(job: Job): boolean {
  using homes = Held.ofRoot(at(job.machine, job.plan.homes));
  return homes.look(places(job.plan).newHomeName) !== undefined;
}

/** The new home while it grows. @throws Failure where it is gone */
export function growing(job: Job, homes: Held): Held {
  const path = `${places(job.plan).growing}/${seed}`;
  const home = homes.walk(path);
  if (home) return home;
  throw new Failure(exit.failed, `the new home is gone from ${job.plan.homes}/${path}`, {
    next: `take it back with ${typed("migrate")} --rollback, then start again`,
  });
}

/** Both homes, as long as the old one is the user's. */
async function both<T>(job: Job, work: (from: Held, to: Held) => Promise<T>): Promise<T> {
  using homes = Held.ofRoot(at(job.machine, job.plan.homes));
  using from = homes.hold(job.plan.user.name);
  using to = growing(job, homes);
  if (from?.stat.isDirectory()) return await work(from, to);
  throw new Failure(exit.failed, `the home of ${job.plan.user.name} is gone from ${job.plan.homes}`, {
    next: `put it back and run this again, or undo everything with ${typed("migrate")} --rollback`,
  });
}

async function skeleton(job: Job, home: Held): Promise<void> {
  const path = at(job.machine, "/etc/skel");
  if (!existsSync(path)) return;
  using skel = Held.ofRoot(path);
  const mirror = new Mirror(skel, home, { meter: async () => undefined });
  for (const name of skel.names()) await mirror.item(name);
}

/** What came from the skeleton is root's, until here. */
function giveAway(folder: Held, uid: number): void {
  folder.own(uid, uid);
  for (const name of folder.names()) {
    using inside = folder.hold(name);
    if (inside?.stat.isDirectory()) giveAway(inside, uid);
    else inside?.own(uid, uid);
  }
}

export const newHome: Step = {
  id: "new-home",
  phase: "Home data",
  title: "an empty home beside the old one",
  async run(job) {
    const { growing: name } = places(job.plan);
    const { uid, name: user } = job.plan.user;
    using homes = Held.ofRoot(at(job.machine, job.plan.homes));
    job.journal.add({ type: "undo", undo: { kind: "remove", path: `${job.plan.homes}/${name}` } });
    homes.remove(name);
    mkdirSync(homes.at(name), { mode: 0o700 });
    using folder = homes.folder(name);
    using home = folder.folder(seed);
    await skeleton(job, home);
    giveAway(home, uid);
    home.allow(Number(homes.look(user)?.mode ?? 0o700n) & 0o777);
    return undefined;
  },
};

async function copy(job: Job, items: string[], title: string, total: number): Promise<string[]> {
  const skipped: string[] = [];
  const bar = new Bar(title, total);
  const onSkip = (path: string, why: string) => skipped.push(`${shown(path)}: ${why}`);
  await both(job, async (from, to) => {
    const mirror = new Mirror(from, to, { meter: bar.add, skip: skip(job), onSkip });
    for (const path of items) await mirror.item(path);
    const fd = to.open();
    try {
      syncAll(fd);
    } finally {
      closeSync(fd);
    }
  });
  bar.end();
  return skipped;
}

export const copyData: Step = {
  id: "copy",
  phase: "Home data",
  title: "home data copied",
  until: "place",
  async run(job) {
    if (isHandedOver(job)) return undefined;
    const { items } = job.plan;
    const total = items.reduce((sum, item) => sum + item.bytes, 0);
    const paths = items.map(({ path }) => path);
    const skipped = await copy(job, paths, "copying", total);
    for (const line of skipped) if (!job.journal.notes.includes(line)) job.journal.add({ type: "note", text: line });
    return undefined;
  },
};

async function compared(job: Job, from: Held, to: Held): Promise<Comparison> {
  const bar = new Bar(
    "comparing",
    job.plan.items.reduce((sum, item) => sum + item.bytes, 0),
  );
  const comparison = new Comparison(from, to, { meter: bar.add, skip: skip(job) });
  for (const { path } of job.plan.items) await comparison.item(path);
  bar.end();
  return comparison;
}

const compare = (job: Job) => both(job, (from, to) => compared(job, from, to));

/**
 * The person may have worked in the old home since an earlier run handed the new one over.
 * @throws Failure where they differ: with the old home that work would be set aside
 */
export async function stillTheSame(job: Job): Promise<void> {
  const { plan, journal } = job;
  const placed = journal.lines.find((line) => line.type === "done" && line.step === "place");
  if (!placed || Date.parse(placed.at) >= performance.timeOrigin) return;
  using homes = Held.ofRoot(at(job.machine, plan.homes));
  using from = homes.hold(plan.user.name);
  using to = homes.hold(places(plan).newHomeName);
  const differences = from && to ? (await compared(job, from, to)).differences : [];
  if (differences.length === 0) return;
  throw new Failure(exit.failed, `the old home changed after it was copied: ${differences.length} differences`, {
    tried: differences.slice(0, 5).map(({ what }) => what),
    next: `${typed("migrate")} --rollback, then start again: what changed is then copied too`,
    log: journal.logFile,
  });
}

/** Whatever differs is copied once more from nothing: a power failure can leave a file whole by its time and empty by its contents. */
async function copyAgain(job: Job, differences: Difference[]): Promise<void> {
  say(`${differences.length} differences: these are copied again`);
  await both(job, async (_, to) => {
    for (const { path, what } of differences) {
      job.journal.log(`differs: ${what}`);
      if (!job.plan.items.some((item) => path === item.path || path.startsWith(`${item.path}/`))) continue;
      using folder = path.includes("/") ? to.walk(dirname(path)) : undefined;
      if (folder || !path.includes("/")) (folder ?? to).remove(basename(path));
    }
  });
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
    if (isHandedOver(job)) return job.journal.noteOf("compare");
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
