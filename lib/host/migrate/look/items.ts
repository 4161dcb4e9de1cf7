import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Held } from "../../below.ts";
import { preserve } from "../facts.ts";
import { above, bytesOf } from "../files/paths.ts";

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
  /** Its folders are nested too deep. */
  tooDeep: boolean;
}

/** homed's own files: a copy of them in another home would be a lie. */
const never = [".identity", ".identity-blob"];

/** The pieces that a home falls into, without their sizes. @param mounts below it, which are looked at by nobody */
export function pieces(home: Held, mounts: string[]): Pick<Item, "path" | "kind">[] {
  const kept = new Set<string>();
  for (const path of preserve) {
    const mount = mounts.find((m) => `${path}/`.startsWith(`${m}/`));
    if (mount !== undefined) {
      kept.add(mount);
      continue;
    }
    // Behind a link lies something else than a part of this home: the link is what is kept.
    const link = above(path).find((folder) => home.look(folder)?.isSymbolicLink());
    if (link !== undefined) kept.add(link);
    else if (home.look(path)) kept.add(path);
  }
  const parents = new Set([...kept].flatMap(above));
  const rest = (folder: Held, at: string): Pick<Item, "path" | "kind">[] =>
    folder.names().flatMap((name) => {
      const path = `${at}${name}`;
      if (kept.has(path) || never.includes(path)) return [];
      if (!parents.has(path))
        return [{ path, kind: path.startsWith(".") ? ("other" as const) : ("personal" as const) }];
      using inside = folder.hold(name);
      return inside?.stat.isDirectory() ? rest(inside, `${path}/`) : [];
    });
  const preserved = preserve
    .filter((path) => kept.has(path))
    .concat([...kept].filter((path) => !preserve.includes(path)));
  const all = rest(home, "");
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

/**
 * Nested folders, at most. Each level takes two descriptors during the copy, and a process may open at least 4,096 under
 * systemd and sudo. A path cannot name more than 2,048 levels (PATH_MAX), so ordinary programs do not make more.
 */
export const deepest = 2_000;

/** The size of a piece and what is special in it. `breathe` is awaited now and then. */
export async function measure(
  home: Held,
  piece: Pick<Item, "path" | "kind">,
  skip: (path: string) => boolean,
  breathe: (files: number) => Promise<void>,
): Promise<Item> {
  const item: Item = { ...piece, bytes: 0, files: 0, sockets: 0, strangers: 0, tooDeep: false };
  const seen = new Set<string>();
  const visit = async (folder: Held, path: string, depth: number): Promise<void> => {
    if (skip(path)) return;
    using found = folder.hold(basename(path));
    if (!found) return;
    const { stat } = found;
    item.files++;
    if (item.files % 1000 === 0) await breathe(1000);
    if (stat.isSocket()) item.sockets++;
    if (!isMapped(Number(stat.uid)) || !isMapped(Number(stat.gid))) item.strangers++;
    const key = stat.nlink > 1n && !stat.isDirectory() ? `${stat.dev}:${stat.ino}` : "";
    if (!key || !seen.has(key)) item.bytes += Number(stat.blocks) * 512;
    if (key) seen.add(key);
    if (!stat.isDirectory()) return;
    item.tooDeep ||= depth === deepest;
    if (depth === deepest) return;
    for (const name of found.names()) await visit(found, `${path}/${name}`, depth + 1);
  };
  const folder = dirname(piece.path);
  using above = folder === "." ? undefined : home.walk(folder);
  if (above || folder === ".") await visit(above ?? home, piece.path, piece.path.split("/").length);
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
