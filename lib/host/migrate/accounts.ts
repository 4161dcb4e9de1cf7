/**
 * One user's entries in the files that know accounts, taken out and nothing else. The texts are bytes, one a character: a name in
 * them may be in any encoding, and every other line stays as it is, comments, empty lines and a missing last newline included.
 * Sources: passwd(5), shadow(5), group(5), gshadow(5), subuid(5).
 */

export interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  gecos: string;
  home: string;
  shell: string;
}

export interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

const lines = (text: string) => text.split("\n");

export function readPasswd(text: string): PasswdEntry[] {
  return lines(text).flatMap((line) => {
    const [name = "", , uid = "", gid = "", gecos = "", home = "", shell] = line.split(":");
    if (!name || shell === undefined || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return [];
    return [{ name, uid: Number(uid), gid: Number(gid), gecos, home, shell }];
  });
}

export function readGroups(text: string): GroupEntry[] {
  return lines(text).flatMap((line) => {
    const [name = "", , gid = "", members] = line.split(":");
    if (!name || members === undefined || !/^\d+$/.test(gid)) return [];
    return [{ name, gid: Number(gid), members: members.split(",").filter(Boolean) }];
  });
}

/** The hash of a user's password and the day of its last change (days since 1970), from the text of /etc/shadow. */
export function readShadow(text: string, user: string): { hash: string; changed: number | undefined } | undefined {
  const fields = lines(text)
    .map((line) => line.split(":"))
    .find((f) => f[0] === user);
  if (!fields) return undefined;
  const changed = /^\d+$/.test(fields[2] ?? "") ? Number(fields[2]) : undefined;
  return { hash: fields[1] ?? "", changed };
}

/** Lines without those that `change` answers undefined for; the end of the text stays as it was. */
function edit(text: string, change: (line: string) => string | undefined): string {
  const all = lines(text);
  const ended = all.at(-1) === "";
  const kept = (ended ? all.slice(0, -1) : all).flatMap((line) => change(line) ?? []);
  return kept.length ? kept.join("\n") + (ended ? "\n" : "") : "";
}

const without = (list: string, user: string) =>
  list
    .split(",")
    .filter((name) => name !== user)
    .join(",");

/** A line of passwd or shadow goes. */
function drop(text: string, user: string): string {
  return edit(text, (line) => (line.startsWith(`${user}:`) ? undefined : line));
}

/** The user leaves the lists of a line, from field `first` on; the user's own group goes, unless it has others in it. */
function leaveGroups(text: string, user: string, first: number): string {
  return edit(text, (line) => {
    const fields = line.split(":");
    if (fields.length < 4) return line;
    const lists = fields.slice(first, 4).map((list) => (list.split(",").includes(user) ? without(list, user) : list));
    if (fields[0] === user && lists.every((list) => list === "")) return undefined;
    return [...fields.slice(0, first), ...lists, ...fields.slice(4)].join(":");
  });
}

/**
 * The ranges of a user belong to the user's number from now on: files of rootless containers stay whose they were.
 * subuid(5) allows a number in place of a name.
 */
function byNumber(text: string, user: string, uid: number): string {
  return edit(text, (line) => (line.startsWith(`${user}:`) ? `${uid}${line.slice(user.length)}` : line));
}

/** The files in the order in which they change: with the first, the new account takes over; the others no longer matter then. */
export const accountFiles = ["passwd", "shadow", "group", "gshadow", "subuid", "subgid"] as const;
export type AccountFile = (typeof accountFiles)[number];

/** The text of a file of /etc without a user's entries. */
export function withoutUser(file: AccountFile, text: string, user: { name: string; uid: number }): string {
  switch (file) {
    case "passwd":
    case "shadow":
      return drop(text, user.name);
    case "group":
      return leaveGroups(text, user.name, 3);
    case "gshadow":
      return leaveGroups(text, user.name, 2);
    case "subuid":
    case "subgid":
      return byNumber(text, user.name, user.uid);
  }
}

/** Lines of `before` that `now` lacks because of `withoutUser`, put into `now` again: for a file that others changed since. */
export function withUserAgain(
  file: AccountFile,
  now: string,
  before: string,
  user: { name: string; uid: number },
): string {
  const after = withoutUser(file, before, user);
  if (now === after) return before;
  const old = new Map(lines(before).map((line) => [line.split(":")[0] ?? "", line]));
  const gone = lines(before).filter((line) => line && !lines(after).includes(line));
  let text = now;
  for (const line of gone) {
    const name = line.split(":")[0] ?? "";
    const change = (other: string) => {
      if (file === "subuid" || file === "subgid")
        return other === `${user.uid}${line.slice(user.name.length)}` ? line : other;
      const fields = other.split(":");
      if (fields[0] !== name) return other;
      const was = (old.get(name) ?? "").split(":");
      const joined = fields.map((field, i) => {
        const lost = i >= 2 && (was[i] ?? "").split(",").includes(user.name) && !field.split(",").includes(user.name);
        return lost && (file === "group" || file === "gshadow") ? [field, user.name].filter(Boolean).join(",") : field;
      });
      return joined.join(":");
    };
    const edited = edit(text, change);
    const there = lines(edited).some((l) => l.startsWith(`${name}:`));
    text = there ? edited : `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
  }
  return text;
}
