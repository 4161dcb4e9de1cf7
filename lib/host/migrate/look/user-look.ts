import { closeSync } from "node:fs";
import { Held } from "../../below.ts";
import { isEncrypted } from "../../libc.ts";
import { type PasswdEntry, readShadow } from "../accounts.ts";
import { backupFolder, stateFolder } from "../facts.ts";
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

function findEncryption(homes: Held, home: Held, user: string): string | undefined {
  if (homes.look(`.ecryptfs/${user}`)) return "eCryptfs";
  const fd = home.open();
  try {
    if (isEncrypted(fd)) return "fscrypt";
  } finally {
    closeSync(fd);
  }
  return encryptions.find(({ path }) => home.look(path))?.name;
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
  using folder = trouble === undefined ? Held.ofRoot(at(machine, homes)) : undefined;
  using held = folder?.hold(name);
  const inside = held?.look(".identity") ? [`${home}/.identity`] : [];
  return {
    entry,
    hash: shadow?.hash,
    passwordChanged: shadow?.changed,
    homed: [...records.filter((path) => exists(machine, path)), ...inside],
    processes: machine.live ? processesOf(uid, at(machine, "/proc")) : [],
    home,
    trouble,
    encrypted: folder && held && findEncryption(folder, held, name),
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
  const { machine, homes } = found;
  const mounts = mountsBelow(at(machine, user.home));
  const items: Item[] = [];
  using folder = Held.ofRoot(at(machine, homes));
  using home = folder.hold(user.entry.name);
  if (home)
    for (const piece of pieces(home, mounts))
      items.push(await measure(home, piece, (path) => mounts.includes(path), breathe));
  return { items, mounts, reflink: sharesContents(at(machine, homes)) };
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
