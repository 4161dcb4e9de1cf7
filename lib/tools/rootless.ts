import { quote } from "../system/shell.ts";
import { textOf } from "../system/state-file.ts";
import { userName } from "../system/user-name.ts";
import { installCommand, type PackageNames, reinstallCommand } from "./package-manager.ts";

/**
 * What podman needs to run without root: the programs newuidmap and newgidmap, and a range of numbers for the users and groups
 * of its containers. Debian's podman only recommends the programs. Sources: podman(1), "Rootless mode"; subuid(5); newuidmap(1).
 */

/** The packages with newuidmap and newgidmap. */
export const idMapPackages: PackageNames = { apt: "uidmap", dnf: "shadow-utils", pacman: "shadow" };

const byHand = "install the package with newuidmap and newgidmap";

export function installIdMaps(): string {
  return installCommand([idMapPackages]) ?? byHand;
}

/** The command that gives both programs back the right to map users: their set-uid bit or file capability. */
export function reinstallIdMaps(): string {
  return reinstallCommand(idMapPackages) ?? `${byHand} again`;
}

/** A user gets as many numbers as useradd(8) gives. The first range begins where its does (SUB_UID_MIN). */
const perUser = 65_536;
const firstNumber = 100_000;

interface Range {
  owner: string;
  from: number;
  count: number;
}

/** The lines of subuid(5) or subgid(5): `user:100000:65536`, the user by name or number. */
function parseRanges(text: string): Range[] {
  return text.split("\n").flatMap((line) => {
    const [, owner = "", from, count] = /^([^:#\s]+):(\d{1,10}):(\d{1,10})\s*$/.exec(line) ?? [];
    return owner ? [{ owner, from: Number(from), count: Number(count) }] : [];
  });
}

/** A user, and what the files say of everybody's ranges. */
export interface IdFiles {
  /** Undefined for a user whom /etc/passwd does not have. */
  name: string | undefined;
  uid: number;
  subuid: string;
  subgid: string;
  nsswitch: string;
}

export function idFiles(): IdFiles {
  const uid = process.getuid?.() ?? 0;
  const [subuid = "", subgid = "", nsswitch = ""] = ["subuid", "subgid", "nsswitch.conf"].map((f) =>
    textOf(`/etc/${f}`),
  );
  return { name: userName(uid), uid, subuid, subgid, nsswitch };
}

/**
 * The command that gives a user a range that nobody else has, in the files that lack one. Pure.
 * @returns undefined for root, for a user who has both or whose name is not known, and where a directory service gives them (`subid:`
 * in nsswitch.conf)
 */
export function rangeCommand({ name, uid, subuid, subgid, nsswitch }: IdFiles): string | undefined {
  if (uid === 0 || name === undefined || /^\s*subid:/m.test(nsswitch)) return undefined;
  const [uids, gids] = [parseRanges(subuid), parseRanges(subgid)];
  const has = (ranges: Range[]) => ranges.some((r) => (r.owner === name || r.owner === String(uid)) && r.count > 0);
  const ends = [...uids, ...gids].map((r) => r.from + r.count);
  const from = Math.max(firstNumber, ...ends);
  const range = `${from}-${from + perUser - 1}`;
  const flags = [...(has(uids) ? [] : ["--add-subuids", range]), ...(has(gids) ? [] : ["--add-subgids", range])];
  if (flags.length === 0) return undefined;
  return `${["sudo", "usermod", ...flags, name].map(quote).join(" ")} && podman system migrate`;
}
