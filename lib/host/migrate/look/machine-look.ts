import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { etcIsTransient } from "../../guard.ts";
import { clone, unnamedFile } from "../../libc.ts";
import { onPath } from "../../root.ts";
import { type GroupEntry, type PasswdEntry, readGroups, readPasswd } from "../accounts.ts";
import { pristineFolder } from "../facts.ts";
import { at, exists, type Machine, readBytes } from "../machine.ts";
import { findSource, type Source } from "./source.ts";

/** The machine as it is found; nothing is changed by looking. */
export interface MachineLook {
  machine: Machine;
  root: boolean;
  source: Source | undefined;
  pristine: { pam: boolean; nss: boolean; homed: boolean };
  etc: "writable" | "read-only" | "transient";
  homed: "answers" | "silent" | "absent";
  homedSaid: string;
  missingTools: string[];
  machineId: string | undefined;
  passwd: PasswdEntry[];
  groups: GroupEntry[];
  /** People: those whose homes could move. */
  people: PasswdEntry[];
  shells: string[];
  /** What /home is, or names. */
  homes: string;
  /** Root alone can put something there, or give what is there another name. */
  homesAreRoots: boolean;
}

function etcState(machine: Machine): MachineLook["etc"] {
  try {
    accessSync(at(machine, "/etc"), constants.W_OK);
  } catch {
    return "read-only";
  }
  return machine.live && etcIsTransient() ? "transient" : "writable";
}

/** /home is a link to var/home on such systems; another target is taken as it is. */
function homesOf(machine: Machine): string {
  const path = at(machine, "/home");
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isSymbolicLink() ? join("/", readlinkSync(path)) : "/home";
}

function isRoots(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return !stat || (stat.uid === 0 && (stat.mode & 0o022) === 0);
}

async function askHomed(machine: Machine): Promise<{ homed: MachineLook["homed"]; homedSaid: string }> {
  const there = ["/usr/lib/systemd/systemd-homed", "/lib/systemd/systemd-homed"].some((path) => exists(machine, path));
  if (!machine.live) return { homed: there ? "answers" : "absent", homedSaid: "" };
  if (!there || !onPath("homectl")) return { homed: "absent", homedSaid: "" };
  const { run } = await import("../../../system/shell.ts");
  const { code, said } = await run(["homectl", "--no-pager", "--no-legend", "list"]);
  return { homed: code === 0 ? "answers" : "silent", homedSaid: said.trim().split("\n").at(-1) ?? "" };
}

function knowsHomed(machine: Machine): boolean {
  const folder = at(machine, `${pristineFolder}/pam.d`);
  const files = ["system-auth", "common-auth", "system-login", "login"];
  return files.some((file) => {
    const path = join(folder, file);
    return existsSync(path) && readFileSync(path, "latin1").includes("pam_systemd_home.so");
  });
}

const noLogin = /\/(nologin|false|sync|halt|shutdown)$/;

export async function lookAtMachine(machine: Machine): Promise<MachineLook> {
  const passwd = readPasswd(readBytes(machine, "/etc/passwd") ?? "");
  const shells = (readBytes(machine, "/etc/shells") ?? "")
    .split("\n")
    .filter((line) => line.startsWith("/") && existsSync(at(machine, line)));
  const id = readBytes(machine, "/etc/machine-id")?.trim() ?? "";
  return {
    machine,
    root: process.getuid?.() === 0,
    source: findSource(machine),
    pristine: {
      pam: exists(machine, `${pristineFolder}/pam.d`),
      nss: exists(machine, `${pristineFolder}/nsswitch.conf`),
      homed: knowsHomed(machine),
    },
    etc: etcState(machine),
    ...(await askHomed(machine)),
    missingTools: ["tar"].filter((tool) => !onPath(tool)),
    machineId: /^[0-9a-f]{32}$/.test(id) ? id : undefined,
    passwd,
    groups: readGroups(readBytes(machine, "/etc/group") ?? ""),
    people: passwd.filter(({ uid, shell }) => uid >= 1000 && uid <= 60_513 && !noLogin.test(shell)),
    shells,
    homes: homesOf(machine),
    homesAreRoots: isRoots(at(machine, homesOf(machine))),
  };
}

/** Whether files in a folder can share their contents: tried with two files that have no name and leave no trace. */
export function sharesContents(folder: string): boolean {
  const one = unnamedFile(folder);
  const other = unnamedFile(folder);
  try {
    if (one === undefined || other === undefined) return false;
    writeSync(one, Buffer.alloc(4096, 1));
    return clone(one, other);
  } finally {
    for (const fd of [one, other]) if (fd !== undefined) closeSync(fd);
  }
}
