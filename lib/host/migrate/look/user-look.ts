import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { type PasswdEntry, readShadow } from "../accounts.ts";
import { backupFolder, stateFolder } from "../facts.ts";
import { isEncrypted } from "../files/libc.ts";
import { look } from "../files/paths.ts";
import { at, exists, freeBytes, nearestFolder, readBytes } from "../machine.ts";
import { imagePath, recordFolder } from "../record.ts";
import { type Item, isMount, measure, mountsBelow, pieces, processesOf } from "./items.ts";
import { type MachineLook, sharesContents } from "./machine-look.ts";

/** One user and home as they are found; nothing is changed by looking. */
export interface UserLook {
  entry: PasswdEntry;
  hash: string | undefined;
  passwordChanged: number | undefined;
  /** Traces of an account of homed by this name. */
  homed: string[];
  processes: { pid: number; name: string }[];
  /** Where the home is, as the machine has it, and what is wrong with it. */
  home: string;
  trouble: "missing" | "no folder" | "elsewhere" | "another disk" | undefined;
  encrypted: string | undefined;
}

/** Files that tell of an encrypted home. Sources: ecryptfs-setup-private(1), gocryptfs(1), encfs(1). */
const encryptions = [
  { path: ".ecryptfs", name: "eCryptfs" },
  { path: "Access-Your-Private-Data.desktop", name: "eCryptfs" },
  { path: "gocryptfs.conf", name: "gocryptfs" },
  { path: ".encfs6.xml", name: "EncFS" },
];

function findEncryption(folder: string, homes: string, user: string): string | undefined {
  if (existsSync(join(homes, ".ecryptfs", user))) return "eCryptfs";
  const fd = openSync(folder, "r");
  try {
    if (isEncrypted(fd)) return "fscrypt";
  } finally {
    closeSync(fd);
  }
  return encryptions.find(({ path }) => existsSync(join(folder, path)))?.name;
}

/** Where homes are, whichever way they are written: /home is often a link. */
function homeOf(found: MachineLook, entry: PasswdEntry): string {
  const path = entry.home.replace(/\/+$/, "");
  return path.startsWith("/home/") ? found.homes + path.slice("/home".length) : path;
}

function homeTrouble(found: MachineLook, home: string, name: string): UserLook["trouble"] {
  const { machine, homes } = found;
  if (home !== `${homes}/${name}`) return "elsewhere";
  const stat = look(at(machine, home));
  if (!stat) return "missing";
  if (!stat.isDirectory()) return stat.isSymbolicLink() ? "elsewhere" : "no folder";
  if (look(at(machine, homes))?.dev !== stat.dev || isMount(at(machine, home))) return "another disk";
  return undefined;
}

export function lookAtUser(found: MachineLook, entry: PasswdEntry): UserLook {
  const { machine, homes } = found;
  const { name, uid } = entry;
  const home = homeOf(found, entry);
  const trouble = homeTrouble(found, home, name);
  const shadow = readShadow(readBytes(machine, "/etc/shadow") ?? "", name);
  const records = [`${recordFolder}/${name}.identity`, `${homes}${imagePath(name).slice(5)}`, `${homes}/${name}.home`];
  const inside = trouble === undefined ? [`${home}/.identity`] : [];
  return {
    entry,
    hash: shadow?.hash,
    passwordChanged: shadow?.changed,
    homed: [...records, ...inside].filter((path) => exists(machine, path)),
    processes: machine.live ? processesOf(uid, at(machine, "/proc")) : [],
    home,
    trouble,
    encrypted: trouble ? undefined : findEncryption(at(machine, home), at(machine, homes), name),
  };
}

export interface HomeLook {
  items: Item[];
  /** Below the home: other file systems. */
  mounts: string[];
  reflink: boolean;
}

/** Measures a home: every file of it is looked at. */
export async function lookAtHome(
  found: MachineLook,
  user: UserLook,
  breathe: (files: number) => Promise<void>,
): Promise<HomeLook> {
  const home = at(found.machine, user.home);
  const mounts = mountsBelow(home);
  const items: Item[] = [];
  for (const piece of pieces(home)) items.push(await measure(home, piece, (path) => mounts.includes(path), breathe));
  return { items, mounts, reflink: sharesContents(at(found.machine, found.homes)) };
}

const spare = 64 * 1024 * 1024;

/**
 * Room that a migration needs, by file system: for data and metadata of the new home, for the backup, for what was there before.
 * @returns the file systems where it is too little, and all of them
 */
export function roomFor(found: MachineLook, items: Item[], reflink: boolean, etcBytes: number) {
  const { machine, homes } = found;
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  const files = items.reduce((sum, item) => sum + item.files, 0);
  const parts = [
    { path: nearestFolder(machine, homes), needed: (reflink ? 0 : bytes) + files * 1024 + spare },
    { path: nearestFolder(machine, backupFolder), needed: etcBytes },
    { path: nearestFolder(machine, stateFolder), needed: etcBytes },
  ];
  const disks = new Map<string, { path: string; needed: number; free: number }>();
  for (const { path, needed } of parts) {
    const key = String(look(path)?.dev ?? path);
    const disk = disks.get(key) ?? { path, needed: 0, free: freeBytes(path) };
    disks.set(key, { ...disk, needed: disk.needed + needed });
  }
  const all = [...disks.values()];
  return { all, short: all.filter(({ needed, free }) => needed > free) };
}
