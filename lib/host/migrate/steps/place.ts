import { mkdirSync, renameSync } from "node:fs";
import { exit, Failure } from "../../../system/errors.ts";
import { Held } from "../../below.ts";
import { machineNames, typed } from "../../names.ts";
import { readShadow } from "../accounts.ts";
import { processesOf } from "../look/items.ts";
import { at, readBytes } from "../machine.ts";
import { places } from "../plan.ts";
import { newKeys, newRecord, recordFolder, recordTexts, signRecord, type UserRecord } from "../record.ts";
import { growing, isHandedOver, seed } from "./data.ts";
import type { Job, Step } from "./step.ts";

/**
 * The new home gets its record while only root can reach it. Then one rename hands it over: from then on it is the user's, and
 * root does not write into it any more. A copy of the record waits next to it for the step `record`, so that both are the same.
 */

/** The name of the record in the folder in which the new home grows. */
const kept = "record";
/** A record is a few kilobytes; keys for ssh in it are at most as much as the next limit. */
const mostRecord = 4 * 1024 * 1024;
/** A larger authorized_keys cannot be a list of keys: a key of 16,384 bits takes 3 kB. */
const mostKeys = 1024 * 1024;

export function stillLoggedOut(job: Job): void {
  const { name, uid } = job.plan.user;
  const found = job.machine.live ? processesOf(uid, at(job.machine, "/proc")) : [];
  if (!found.length) return;
  throw new Failure(exit.failed, `${name} is logged in: files would change while the home moves`, {
    tried: found.slice(0, 5).map((process) => `${process.name} (${process.pid})`),
    next: "log out everywhere, and run this again as root on another console: it continues from here",
  });
}

/** homed's key pair; a homed that never ran has none. */
export async function keys(job: Job): Promise<{ privateKey: string; publicKey: string }> {
  const [privatePath, publicPath] = [`${recordFolder}/local.private`, `${recordFolder}/local.public`];
  const privateKey = readBytes(job.machine, privatePath);
  const publicKey = readBytes(job.machine, publicPath);
  if (privateKey && publicKey) return { privateKey, publicKey };
  const made = newKeys();
  mkdirSync(at(job.machine, recordFolder), { recursive: true });
  await job.changes.write(publicPath, made.publicKey, { mode: 0o600, uid: 0 });
  await job.changes.write(privatePath, made.privateKey, { mode: 0o600, uid: 0 });
  return made;
}

/** What keeps a file from being read as the user's own. @returns undefined where nothing does */
function trouble(file: Held, uid: number): string | undefined {
  const { stat } = file;
  if (stat.isSymbolicLink()) return "a link";
  if (stat.isFIFO()) return "a pipe";
  if (stat.isDirectory()) return "a folder";
  if (!stat.isFile()) return "a device or a socket";
  if (stat.uid !== BigInt(uid)) return `a file of the user ${stat.uid}`;
  return undefined;
}

const keyLine = /^(?:[^#\s].*\s)?(?:ssh-|ecdsa-|sk-)\S+\s+AAAA/;

/**
 * Public keys that may log in by ssh: homed tells sshd, which cannot read a home that is not open.
 * @returns the keys, or why the file is not read
 */
export function authorizedKeys(home: Held, uid: number): { keys: string[]; trouble?: string } {
  using folder = home.hold(".ssh");
  if (!folder) return { keys: [] };
  if (!folder.stat.isDirectory()) return { keys: [], trouble: `.ssh is ${trouble(folder, uid) ?? "a file"}` };
  using file = folder.hold("authorized_keys");
  if (!file) return { keys: [] };
  const wrong = trouble(file, uid);
  const bytes = wrong ? undefined : file.read(mostKeys);
  if (!bytes)
    return { keys: [], trouble: `.ssh/authorized_keys is ${wrong ?? `a file of more than ${mostKeys} bytes`}` };
  const lines = bytes.toString("utf8").split("\n");
  return { keys: lines.map((line) => line.trim()).filter((line) => keyLine.test(line)) };
}

/** The record that waits next to the growing home; undefined if there is none: bytes, one in each character. */
export function readRecord(job: Job, homes: Held): string | undefined {
  using file = homes.walk(`${places(job.plan).growing}/${kept}`);
  return file?.read(mostRecord)?.toString("latin1");
}

async function makeRecord(job: Job, home: Held): Promise<string> {
  const { machine, plan } = job;
  const { name, uid, realName } = plan.user;
  const shadow = readShadow(readBytes(machine, "/etc/shadow") ?? "", name);
  if (!shadow?.hash)
    throw new Failure(exit.failed, `/etc/shadow has no password of ${name} any more`, {
      next: `${typed("migrate")} --rollback`,
    });
  const found = authorizedKeys(home, uid);
  const trouble = `${found.trouble}, not an ordinary file of ${name}: homed gets no keys for ssh (homectl update ${name} --ssh-authorized-keys=@FILE)`;
  if (found.trouble && !job.journal.notes.includes(trouble)) job.journal.add({ type: "note", text: trouble });
  const { privateKey } = await keys(job);
  const machineId = readBytes(machine, "/etc/machine-id")?.trim() ?? "";
  const { hash, changed: passwordChanged } = shadow;
  const made = { name, uid, realName, shell: plan.shell, groups: plan.groups, hash, passwordChanged, machineId };
  const signed = signRecord(newRecord({ ...made, authorizedKeys: found.keys }, Date.now() * 1000), privateKey);
  return recordTexts(signed, machineId).kept;
}

export const place: Step = {
  id: "place",
  phase: "Account",
  title: "the new home where homed looks for it",
  async run(job) {
    const { growing: folderName, newHome, newHomeName } = places(job.plan);
    const { name, uid } = job.plan.user;
    stillLoggedOut(job);
    using homes = Held.ofRoot(at(job.machine, job.plan.homes));
    if (isHandedOver(job)) return undefined;
    using home = growing(job, homes);
    using folder = homes.folder(folderName);
    // Anew each time: the person may have another password by now, or other keys.
    const text = await makeRecord(job, home);
    folder.put(kept, text);
    const { binding: _, ...embedded } = JSON.parse(text) as UserRecord;
    home.put(".identity", recordTexts(embedded, "").embedded, uid);
    const aside = `${job.plan.homes}/${name}.from-${machineNames.folder}`;
    job.journal.add({ type: "undo", undo: { kind: "set-aside", path: newHome, to: aside } });
    renameSync(folder.at(seed), homes.at(newHomeName));
    homes.flush();
    return undefined;
  },
};
