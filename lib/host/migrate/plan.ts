import { basename } from "node:path";
import { bytes } from "../../system/output.ts";
import { typed } from "../names.ts";
import { backupFolder } from "./facts.ts";
import { shown } from "./files/paths.ts";
import { imagePath } from "./record.ts";

/** Everything that was found out and answered, before anything is changed; it lies beside the journal. */
export interface Plan {
  /** 1: the new home grew where its user could reach it; such a migration is only taken back. */
  version: 1 | 2;
  user: { name: string; uid: number; gid: number; realName: string };
  /** The folder that holds homes, as the machine has it: what /home is or names. */
  homes: string;
  shell: string;
  groups: string[];
  /** Paths below the old home, bytes one a character. */
  items: { path: string; bytes: number }[];
  /** What stays behind in the old home. */
  left: { path: string; bytes: number }[];
  /** Below the old home: other file systems, which are not copied. */
  mounts: string[];
  /** Where the old home is found afterwards. */
  aside: string;
  flatpaks: boolean;
  /** Names of the day, so that a second run finds what the first one made. */
  day: string;
  from: string;
  /** What a person should know, in the plan and in the report. */
  notes: string[];
}

export const places = (plan: Plan) => {
  const { homes, day } = plan;
  const { name } = plan.user;
  return {
    oldHome: `${homes}/${name}`,
    /** The folder in which the new home grows, with its record next to it: for root alone, and homed ignores it. */
    growing: `.${name}.${typed("migrate")}`,
    newHomeName: basename(imagePath(name)),
    newHome: `${homes}/${basename(imagePath(name))}`,
    backup: `${backupFolder}/etc-${name}-${day}.tar.zst`,
  };
};

const list = (items: { path: string; bytes: number }[]) =>
  items.map(({ path, bytes: n }) => `     ${bytes(n).padStart(8)}  ${shown(path)}`);

/** The plan in its phases, as lines. */
export function planLines(plan: Plan, free: { needed: number; bytes: number; reflink: boolean }): string[] {
  const { user, shell, groups, items, left, flatpaks } = plan;
  const where = places(plan);
  const total = items.reduce((sum, item) => sum + item.bytes, 0);
  const how = free.reflink ? "shared with the old home, which costs no room" : "copied";
  return [
    `${user.name} (${user.uid}) moves from ${plan.from} to a home of systemd-homed. The old home is only read; it is found`,
    `afterwards as ${plan.aside}.`,
    "",
    "1. Back up /etc",
    `     ${where.backup}`,
    `2. Home data: ${bytes(total)} ${how}, then compared (${bytes(free.needed)} needed, ${bytes(free.bytes)} free)`,
    ...list(items),
    ...(left.length ? [`   stays in the old home: ${bytes(left.reduce((sum, item) => sum + item.bytes, 0))}`] : []),
    ...list(left),
    "3. Logging in: /etc/pam.d and nsswitch.conf as the image has them",
    `4. Account: ${user.name}, ${user.uid}, ${shell}, the same password`,
    `     groups: ${groups.join(" ") || "none"}`,
    "5. The old entries leave passwd, shadow, group, gshadow, subuid, subgid: once the new account answers",
    "6. Stale state of overlays",
    `7. System users of the image${flatpaks ? ", repair of flatpaks" : ""}`,
    "8. Report",
    ...(plan.notes.length ? ["", "To know:", ...plan.notes.map((note) => `  - ${note}`)] : []),
  ];
}
