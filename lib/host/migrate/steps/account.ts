import { exit, Failure } from "../../../system/errors.ts";
import { Held } from "../../below.ts";
import { typed } from "../../names.ts";
import { type AccountFile, accountFiles, readShadow, withoutUser } from "../accounts.ts";
import { at, exists, readBytes } from "../machine.ts";
import { places } from "../plan.ts";
import { isSigned, recordFolder, type UserRecord } from "../record.ts";
import { stillTheSame } from "./data.ts";
import { keys, readRecord, stillLoggedOut } from "./place.ts";
import { type Job, type Step, tool } from "./step.ts";

/**
 * The account changes hands in an order in which a login works after each step, whatever comes between:
 *
 * 1. the record is written, homed answers. The old entries still come first, and with them the old home;
 * 2. the old home is set aside by one rename: homed refuses to show a home on a folder that is not empty, so it may not stay where
 *    homes are shown. From here on a login gets the new home, by either entry;
 * 3. the old entries leave, passwd first.
 */

const recordPath = (name: string) => `${recordFolder}/${name}.identity`;

/** @throws Failure where the new account does not answer */
async function answers(job: Job): Promise<void> {
  const { name, uid } = job.plan.user;
  const failed = (what: string, tried: string[]) =>
    new Failure(exit.failed, what, {
      tried,
      next: "the old account still works; see `journalctl -u systemd-homed`, run this again, or take it back with --rollback",
      log: job.journal.logFile,
    });
  if (!job.machine.live) {
    const { publicKey } = await keys(job);
    const text = Buffer.from(readBytes(job.machine, recordPath(name)) ?? "{}", "latin1").toString("utf8");
    const record = JSON.parse(text) as UserRecord;
    if (!isSigned(record, publicKey))
      throw failed(`the record of ${name} is not signed by homed's key`, [recordPath(name)]);
    return;
  }
  for (let n = 1; ; n++) {
    const mute = await silence(job, name, uid);
    if (mute === undefined) return;
    if (n === attempts) throw failed(`the new account of ${name} does not answer`, mute);
    await Bun.sleep(500);
  }
}

/** A homed that was just started has to read its records first. */
const attempts = 20;

/** What of the new account does not answer yet. */
async function silence(job: Job, name: string, uid: number): Promise<string[] | undefined> {
  // The record that it prints has the hash of the password in it.
  const inspected = await tool(job, ["homectl", "--no-pager", "inspect", "--json=short", name], true);
  if (inspected.code !== 0) return [`homectl inspect ${name}: ${inspected.said.trim().split("\n").at(-1)}`];
  const known = (JSON.parse(inspected.stdout) as UserRecord).uid;
  if (known !== uid) return [`homectl inspect ${name}: the number is ${String(known)}`];
  const got = await tool(job, ["getent", "-s", "systemd", "passwd", name]);
  return got.stdout.startsWith(`${name}:`) ? undefined : [`getent -s systemd passwd ${name}: nothing`];
}

/** @throws Failure where the person changed the password after the record was made */
function samePassword({ machine, plan }: Job, text: string): void {
  const { privileged } = JSON.parse(Buffer.from(text, "latin1").toString("utf8")) as UserRecord;
  const { hashedPassword } = (privileged ?? {}) as { hashedPassword?: string[] };
  const now = readShadow(readBytes(machine, "/etc/shadow") ?? "", plan.user.name)?.hash;
  if (hashedPassword?.[0] === now) return;
  throw new Failure(exit.failed, `the password of ${plan.user.name} changed after the new home was made`, {
    next: `${typed("migrate")} --rollback, then start again: the new account then has the new password`,
  });
}

export const record: Step = {
  id: "record",
  phase: "Account",
  title: "the account of systemd-homed",
  async run(job) {
    const { machine, plan, changes } = job;
    const { name, uid } = plan.user;
    using homes = Held.ofRoot(at(machine, plan.homes));
    if (readBytes(machine, recordPath(name)) === undefined) {
      const text = readRecord(job, homes);
      if (text === undefined)
        throw new Failure(exit.failed, `the record of ${name} is gone`, { next: `${typed("migrate")} --rollback` });
      samePassword(job, text);
      await changes.write(recordPath(name), text, { mode: 0o600, uid: 0 });
    }
    if (machine.live) {
      const { code, said } = await tool(job, ["systemctl", "restart", "systemd-homed.service"]);
      if (code !== 0)
        throw new Failure(exit.failed, "systemd-homed could not be started again", {
          tried: said.trim().split("\n").slice(-2),
          next: "the old account still works; see `journalctl -u systemd-homed`, run this again, or take it back with --rollback",
        });
    }
    await answers(job);
    homes.remove(places(plan).growing);
    return `${name} has an account of systemd-homed: the number ${uid}, the same password`;
  },
};

export const oldHome: Step = {
  id: "old-home",
  phase: "Account",
  title: "the old home set aside, as it is",
  async run(job) {
    const { oldHome: from } = places(job.plan);
    stillLoggedOut(job);
    await answers(job);
    // Moved already, when it is aside: what stands in its place is where homed shows the new home.
    if (!exists(job.machine, job.plan.aside)) {
      await stillTheSame(job);
      job.changes.move(from, job.plan.aside);
    }
    return `the old home, unchanged: ${job.plan.aside}`;
  },
};

function entriesLeave(file: AccountFile): Step {
  return {
    id: file,
    phase: "Old entries",
    title: `/etc/${file} without the old entry`,
    async run(job) {
      const { machine, plan, changes } = job;
      const path = `/etc/${file}`;
      const text = readBytes(machine, path);
      if (text === undefined) return undefined;
      if (file === "passwd") await answers(job);
      await changes.write(path, withoutUser(file, text, plan.user));
      if (file === "passwd" && machine.live) {
        const { stdout: said } = await tool(job, ["getent", "passwd", plan.user.name]);
        if (!said.startsWith(`${plan.user.name}:`)) {
          await changes.write(path, text);
          throw new Failure(exit.failed, `without its old entry nobody knows ${plan.user.name}: it was put back`, {
            tried: [`getent passwd ${plan.user.name}`],
            next: "see /etc/nsswitch.conf and `journalctl -u systemd-userdbd`, run this again, or take it back with --rollback",
          });
        }
      }
      return undefined;
    },
  };
}

export const oldEntries: Step[] = accountFiles.map(entriesLeave);
