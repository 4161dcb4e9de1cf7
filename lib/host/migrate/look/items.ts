import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { preserve } from "../facts.ts";
import { above, bytesOf, look, names } from "../files/paths.ts";

/** What is in a home, in the pieces that are kept or left: paths below it as bytes, one a character. */

export interface Item {
  path: string;
  /** On the list of what is worth keeping; the person's own, visible files; everything else. */
  kind: "preserved" | "personal" | "other";
  bytes: number;
  files: number;
  sockets: number;
  /** Files of users that a home of homed shows as nobody's. */
  strangers: number;
}

/** homed's own files: a copy of them in another home would be a lie. */
const never = [".identity", ".identity-blob"];

/** The pieces that a home falls into, without their sizes. */
export function pieces(home: string): Pick<Item, "path" | "kind">[] {
  const kept = new Set<string>();
  for (const path of preserve) {
    // Behind a link lies something else than a part of this home: the link is what is kept.
    const link = above(path).find((folder) => look(`${home}/${folder}`)?.isSymbolicLink());
    const whole = above(path).every((folder) => look(`${home}/${folder}`)?.isDirectory());
    if (link !== undefined) kept.add(link);
    else if (whole && look(`${home}/${path}`)) kept.add(path);
  }
  const parents = new Set([...kept].flatMap(above));
  const rest = (folder: string): Pick<Item, "path" | "kind">[] =>
    names(folder ? `${home}/${folder}` : home).flatMap((name) => {
      const path = folder ? `${folder}/${name}` : name;
      if (kept.has(path) || never.includes(path)) return [];
      if (parents.has(path)) return rest(path);
      return [{ path, kind: path.startsWith(".") ? ("other" as const) : ("personal" as const) }];
    });
  const preserved = preserve
    .filter((path) => kept.has(path))
    .concat([...kept].filter((path) => !preserve.includes(path)));
  const all = rest("");
  return [
    ...preserved.map((path) => ({ path, kind: "preserved" as const })),
    ...all.filter(({ kind }) => kind === "personal"),
    ...all.filter(({ kind }) => kind === "other"),
  ];
}

/**
 * Users whose files a home of homed passes through: its mount maps these and no others, see home_shift_uid() of systemd 250 and
 * later. The range from 524288 on is that of containers, where Fedora and Arch put the users of rootless ones.
 */
export function isMapped(id: number): boolean {
  return id <= 60_000 || (id > 60_513 && id < 65_534) || (id >= 524_288 && id <= 1_878_982_656);
}

/** The size of a piece and what is special in it. `breathe` is awaited now and then. */
export async function measure(
  home: string,
  piece: Pick<Item, "path" | "kind">,
  skip: (path: string) => boolean,
  breathe: (files: number) => Promise<void>,
): Promise<Item> {
  const item: Item = { ...piece, bytes: 0, files: 0, sockets: 0, strangers: 0 };
  const seen = new Set<string>();
  const waiting = [piece.path];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const stat = look(`${home}/${path}`);
    if (!stat || skip(path)) continue;
    item.files++;
    if (item.files % 1000 === 0) await breathe(1000);
    if (stat.isSocket()) item.sockets++;
    if (!isMapped(Number(stat.uid)) || !isMapped(Number(stat.gid))) item.strangers++;
    const key = stat.nlink > 1n && !stat.isDirectory() ? `${stat.dev}:${stat.ino}` : "";
    if (!key || !seen.has(key)) item.bytes += Number(stat.blocks) * 512;
    if (key) seen.add(key);
    if (stat.isDirectory()) for (const name of names(`${home}/${path}`)) waiting.push(`${path}/${name}`);
  }
  return item;
}

/** Where other file systems are mounted below a folder, relative to it. Source: proc_pid_mountinfo(5). */
export function mountsBelow(folder: string): string[] {
  const plain = (path: string) =>
    path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .map((line) => plain(line.split(" ")[4] ?? ""))
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1))
    .sort();
}

export function isMount(path: string): boolean {
  return mountsBelow(path.slice(0, path.lastIndexOf("/")) || "/").includes(path.slice(path.lastIndexOf("/") + 1));
}

/** Processes of a user. @param proc the folder that is /proc */
export function processesOf(uid: number, proc: string): { pid: number; name: string }[] {
  const entries: Dirent[] = readdirSync(proc, { withFileTypes: true });
  return entries.flatMap(({ name: pid }) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const status = readFileSync(`${proc}/${pid}/status`, "latin1");
      const ids = /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
      return ids.includes(String(uid)) ? [{ pid: Number(pid), name: /^Name:\s+(.*)$/m.exec(status)?.[1] ?? "" }] : [];
    } catch {
      return [];
    }
  });
}

/** Items that people named, found among those that there are. @returns the names that are none of them */
export function choose(items: Item[], wanted: string[]): { chosen: Item[]; unknown: string[] } {
  const paths = new Set(wanted.map(bytesOf));
  const unknown = wanted.filter((name) => !items.some((item) => item.path === bytesOf(name)));
  return { chosen: items.filter((item) => paths.has(item.path)), unknown };
}
