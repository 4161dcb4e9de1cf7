import { exit } from "../../../system/errors.ts";
import { typed } from "../../names.ts";
import { isMapped } from "../look/items.ts";
import type { MachineLook } from "../look/machine-look.ts";
import type { UserLook } from "../look/user-look.ts";
import type { Refusal } from "./refusal.ts";

/** A name that systemd takes. Source: systemd's USER_NAMES, the strict form. */
const goodName = /^[a-zA-Z_][a-zA-Z0-9_-]{0,30}$/;

export interface Both {
  machine: MachineLook;
  user: UserLook;
}

const named = ({ user }: Both) => user.entry.name;

/** Rows that only matter when something is about to change: the plan may be looked at. */
export const onlyToBegin = ["logged in"];

export const userRefusals: Refusal<Both>[] = [
  {
    name: "already homed",
    code: exit.failed,
    holds: ({ user }) => user.homed.length > 0,
    tell: (both) => ({
      what: `${named(both)} has a home of systemd-homed already`,
      tried: both.user.homed,
      next: `homectl inspect ${named(both)}`,
    }),
  },
  {
    name: "name",
    code: exit.usage,
    holds: (both) => !goodName.test(named(both)) || ["root", "nobody"].includes(named(both)),
    tell: (both) => ({
      what: `systemd-homed takes no user called ${JSON.stringify(named(both))}`,
      tried: ["a letter, then letters, digits, - and _, 31 at most"],
      next: "give the account another name with `usermod --login`, its home with `usermod --move-home`, then run this again",
    }),
  },
  {
    name: "number",
    code: exit.failed,
    holds: ({ user }) => user.entry.uid < 1000 || !(isMapped(user.entry.uid) || user.entry.uid <= 60_513),
    tell: (both) => ({
      what: `${named(both)} has the number ${both.user.entry.uid}: that is no person's (1000 to 60513)`,
      next: "migrate another user",
    }),
  },
  {
    name: "number taken",
    code: exit.failed,
    holds: (both) => takenNumber(both) !== undefined,
    tell: (both) => ({
      what: `the number ${both.user.entry.uid} of ${named(both)} is also that of ${takenNumber(both)}: homed gives a user a group of the same number`,
      tried: ["/etc/passwd, /etc/group"],
      next: "give the other one another number, with its files, then run this again",
    }),
  },
  {
    name: "logged in",
    code: exit.failed,
    holds: ({ user }) => user.processes.length > 0,
    tell: (both) => ({
      what: `${named(both)} is logged in: files would change while they are copied`,
      tried: both.user.processes.slice(0, 5).map(({ pid, name }) => `${name} (${pid})`),
      next: `log out everywhere (services end some seconds later), log in as root on another console (Ctrl-Alt-F3), and run: ${typed("migrate")} --user ${named(both)}`,
    }),
  },
  {
    name: "home elsewhere",
    code: exit.failed,
    holds: ({ user }) => user.trouble === "elsewhere",
    tell: (both) => ({
      what: `the home of ${named(both)} is not where homes are: ${both.user.entry.home}`,
      tried: [`${both.machine.homes}/${named(both)}, a folder of its own`],
      next: `move it there with \`usermod --move-home --home /home/${named(both)} ${named(both)}\`, then run this again`,
    }),
  },
  {
    name: "home missing",
    code: exit.failed,
    holds: ({ user }) => user.trouble === "missing",
    tell: (both) => ({
      what: `${named(both)} has no home: there is no ${both.user.home}`,
      next: "mount the disk that it is on, or see that the user is the right one",
    }),
  },
  {
    name: "home no folder",
    code: exit.failed,
    holds: ({ user }) => user.trouble === "no folder",
    tell: (both) => ({ what: `${both.user.home} is no folder`, next: "see what it is: `stat` tells" }),
  },
  {
    name: "home on another disk",
    code: exit.failed,
    holds: ({ user }) => user.trouble === "another disk",
    tell: (both) => ({
      what: `the home of ${named(both)} is on another disk than ${both.machine.homes}: the new home has to stand beside it`,
      tried: [`${both.user.home} is a mount`],
      next: `mount that disk on ${both.machine.homes} instead, or copy the home there, then run this again`,
    }),
  },
  {
    name: "encrypted",
    code: exit.failed,
    holds: ({ user }) => user.encrypted !== undefined,
    tell: (both) => ({
      what: `the home of ${named(both)} is encrypted (${both.user.encrypted}): its files can only be read by their owner`,
      next: "decrypt it first, or make a new account with `homectl create` and copy files by hand",
    }),
  },
  {
    name: "no password",
    code: exit.failed,
    holds: ({ user }) => !user.hash || /^[!*x]/.test(user.hash),
    tell: (both) => ({
      what: `${named(both)} has no password, or a locked one: nobody could open the new home`,
      tried: ["/etc/shadow"],
      next: `set one with \`passwd ${named(both)}\`, then run this again`,
    }),
  },
];

/** Another user or group with the number that the account gets. */
function takenNumber({ machine, user }: Both): string | undefined {
  const { name, uid } = user.entry;
  const other = machine.passwd.find((entry) => entry.uid === uid && entry.name !== name);
  const group = machine.groups.find((entry) => entry.gid === uid && entry.name !== name);
  return other ? `the user ${other.name}` : group && `the group ${group.name}`;
}
