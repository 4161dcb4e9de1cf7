import type { Choices } from "./choices.ts";
import { shown } from "./files/paths.ts";
import type { MachineLook } from "./look/machine-look.ts";
import type { HomeLook, UserLook } from "./look/user-look.ts";
import { exists } from "./machine.ts";
import type { Plan } from "./plan.ts";
import { foreignServices } from "./steps/login.ts";

/** What a person should know before the word is typed. */
function notesOn(found: MachineLook, user: UserLook, choices: Choices): string[] {
  const { machine, people, groups, source } = found;
  const { name, uid, gid } = user.entry;
  const others = people.filter((other) => other.name !== name).map((other) => other.name);
  const missing = choices.groups.filter((group) => !groups.some((g) => g.name === group));
  const strangers = choices.items.filter((item) => item.strangers > 0);
  const { stay, go } = foreignServices(machine);
  const rows: [boolean, string][] = [
    [user.processes.length > 0, `${name} is logged in: log out everywhere before this begins`],
    [gid !== uid, `the main group of ${name} was ${gid}; homed gives a user a group of its own, ${uid}`],
    [missing.length > 0, `groups that the system does not have yet: ${missing.join(" ")}`],
    [others.length > 0, `users that stay as they are: ${others.join(" ")}; each is migrated by itself, with --user`],
    [go.length > 0, `services of ${source?.name}'s PAM that cannot work here and go: ${go.join(" ")}`],
    [stay.length > 0, `services of PAM that the image does not know and that stay: ${stay.join(" ")}`],
    [
      strangers.length > 0,
      `files of users that a home of homed cannot show, as of old containers: ${strangers.map((i) => `${shown(i.path)} (${i.strangers})`).join(", ")}`,
    ],
    [
      exists(machine, `/var/lib/systemd/linger/${name}`),
      `${name}'s services started at boot (linger); a home of homed opens when somebody logs in`,
    ],
    [exists(machine, "/etc/selinux/config"), "SELinux: labels of files are kept, and this system does not use them"],
  ];
  return rows.flatMap(([holds, text]) => (holds ? [text] : []));
}

const asText = (bytes: string) => Buffer.from(bytes, "latin1").toString("utf8");

/** The full name of a person, without what a record cannot hold. Source: passwd(5), the first part of the fifth field. */
function realName(gecos: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return (asText(gecos).split(",")[0] ?? "").replace(/[\x00-\x1f\x7f\ufffd:]/g, "").trim();
}

export function newPlan(found: MachineLook, user: UserLook, home: HomeLook, choices: Choices, aside: string): Plan {
  const { name, uid, gid, gecos } = user.entry;
  const size = ({ path, bytes }: { path: string; bytes: number }) => ({ path, bytes });
  return {
    version: 2,
    user: { name, uid, gid, realName: realName(gecos) },
    homes: found.homes,
    shell: choices.shell,
    groups: choices.groups,
    items: choices.items.map(size),
    left: home.items.filter((item) => !choices.items.includes(item)).map(size),
    mounts: home.mounts,
    aside,
    flatpaks: choices.flatpaks,
    day: new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, ""),
    from: found.source?.name ?? "",
    notes: notesOn(found, user, choices),
  };
}
