import { existsSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { say } from "../../system/output.ts";
import { type AccountFile, accountFiles, withUserAgain } from "./accounts.ts";
import { beside, Changes, hashOf, putInPlace } from "./changes.ts";
import { copyTree } from "./files/copy.ts";
import { look, removeTree } from "./files/paths.ts";
import type { Journal, Undo } from "./journal.ts";
import { isMount, processesOf } from "./look/items.ts";
import { at, flush, type Machine, readBytes } from "./machine.ts";
import { recordFolder } from "./record.ts";
import { tool } from "./steps/step.ts";

/**
 * Takes back what the journal tells, the last change first. Every line of it may have been followed by its change or not, and every
 * taking back may have happened already: each looks at what is there. Nothing of the user's is removed: neither the old home, which
 * gets its name again, nor the new one, in which somebody may have worked, nor a file that others changed since.
 */

export interface RolledBack {
  /** What a person should know, a line each. */
  notes: string[];
  /** The folder with the journal and what was there before, as the machine has it. */
  folder: string;
}

/** A path that nothing has yet. */
export function free(machine: Machine, path: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? path : `${path}-${n}`;
    if (!look(at(machine, name))) return name;
  }
}

/** What stands where something comes back to: an empty folder goes, anything else is kept under another name. */
function clear(machine: Machine, path: string, notes: string[]): void {
  const real = at(machine, path);
  const stat = look(real);
  if (!stat) return;
  if (stat.isDirectory() && readdirSync(real).length === 0) {
    rmdirSync(real);
    return;
  }
  const kept = free(machine, `${path}.found-at-rollback`);
  renameSync(real, at(machine, kept));
  notes.push(`${path} was there again, with something in it: kept as ${kept}`);
}

/** What a path was at any time of the migration: anything else is from others. */
function ownStates(journal: Journal, path: string): Set<string | null> {
  const before = journal.undos.flatMap((undo) =>
    undo.kind === "restore" && undo.path === path && undo.before !== null
      ? [hashOf(join(journal.folder, "before", undo.before))]
      : [],
  );
  return new Set([...journal.leftAt(path), ...before]);
}

async function restore(job: { machine: Machine; journal: Journal }, undo: Undo & { kind: "restore" }, notes: string[]) {
  const { machine, journal } = job;
  const { path, before } = undo;
  const real = at(machine, path);
  for (const leftover of [beside(real), `${beside(real)}.old`]) removeTree(leftover);
  const copy = before === null ? undefined : join(journal.folder, "before", before);
  const now = hashOf(real);
  if (now === (copy === undefined ? null : hashOf(copy))) return;
  if (now !== null && !ownStates(journal, path).has(now)) {
    const file = accountFiles.find((name) => path === `/etc/${name}`);
    const kept = join(journal.folder, `changed-since-${basename(path)}`);
    removeTree(kept);
    await copyTree(real, kept);
    const merges = file && copy !== undefined && !journal.unsettled.includes(undo);
    if (merges) return mergeAccounts(job, file, copy, notes);
    notes.push(
      `${path} was changed since the migration: put back all the same, the changed one is kept beside the journal`,
    );
  }
  if (copy === undefined) {
    removeTree(real);
    if (existsSync(dirname(real))) flush(dirname(real));
    return;
  }
  const made = beside(real);
  await copyTree(copy, made);
  if (look(made)?.isFile()) flush(made);
  if (look(made)?.isDirectory()) putInPlace(made, real);
  else {
    if (look(real)?.isDirectory()) removeTree(real);
    renameSync(made, real);
    flush(dirname(real));
  }
}

/** Accounts were made since: they stay, and the user's entries come back between them. */
async function mergeAccounts(
  { machine, journal }: { machine: Machine; journal: Journal },
  file: AccountFile,
  copy: string,
  notes: string[],
) {
  const path = `/etc/${file}`;
  const before = readBytes({ root: "", live: false }, copy) ?? "";
  const merged = withUserAgain(file, readBytes(machine, path) ?? "", before, journal.plan.user);
  await new Changes(machine, journal).overwrite(path, merged);
  notes.push(
    `${path} was changed since the migration: the entries of ${journal.plan.user.name} came back, the rest stayed`,
  );
}

async function takeBack(job: { machine: Machine; journal: Journal }, undo: Undo, notes: string[]): Promise<void> {
  const { machine } = job;
  const real = (path: string) => at(machine, path);
  switch (undo.kind) {
    case "restore":
      return restore(job, undo, notes);
    case "remove":
      return removeTree(real(undo.path));
    case "move":
      if (!look(real(undo.to))) return;
      clear(machine, undo.from, notes);
      renameSync(real(undo.to), real(undo.from));
      return flush(dirname(real(undo.from)));
    case "set-aside": {
      if (!look(real(undo.path))) return;
      const to = free(machine, undo.to);
      renameSync(real(undo.path), real(to));
      flush(dirname(real(to)));
      notes.push(`the new home, with whatever was written to it: ${to}; remove it when you need nothing of it`);
    }
  }
}

/** @throws Failure while somebody is in the home */
function refuseInUse(machine: Machine, journal: Journal): void {
  const { user, homes } = journal.plan;
  const processes = machine.live ? processesOf(user.uid, at(machine, "/proc")) : [];
  if (!processes.length && !isMount(at(machine, `${homes}/${user.name}`))) return;
  throw new Failure(exit.failed, `${user.name} is logged in: the home is in use`, {
    tried: processes.slice(0, 5).map(({ pid, name }) => `${name} (${pid})`),
    next: `log out everywhere (homectl deactivate ${user.name}), and run this again as root on another console`,
  });
}

/** Puts everything back that a migration changed. Broken off, it is begun anew. */
export async function rollBack(machine: Machine, journal: Journal): Promise<RolledBack> {
  refuseInUse(machine, journal);
  if (!journal.isRollingBack) journal.add({ type: "rolling-back" });
  const notes: string[] = [];
  const undos = journal.undos;
  for (const undo of undos.toReversed()) {
    journal.log(`back: ${JSON.stringify(undo)}`);
    await takeBack({ machine, journal }, undo, notes);
  }
  if (machine.live && undos.some((undo) => undo.kind === "restore" && undo.path.startsWith(recordFolder))) {
    const { code } = await tool({ journal }, ["systemctl", "restart", "systemd-homed.service"]);
    if (code !== 0) notes.push("systemd-homed could not be started again: sudo systemctl restart systemd-homed");
  }
  for (const note of notes) say(`– ${note}`);
  journal.log(`rolled back: ${notes.join("; ")}`);
  return { notes, folder: journal.putAway(machine, "rolled-back") };
}
