import type { Packages } from "./record.ts";

/** How the packages of two images differ. */

interface Package {
  name: string;
  version: string;
}

export interface PackageChanges {
  known: true;
  updated: { name: string; from: string; to: string }[];
  added: Package[];
  removed: Package[];
}

/** What the packages are is known of neither image, or of one only. */
export interface UnknownPackages {
  known: false;
  /** The image that does not say it; the newer one if neither does. */
  missing: "before" | "after";
}

/** Pure; each list in the order of names. An older version in place of a newer one is an update too. */
export function packageChanges(
  before: Packages | undefined,
  after: Packages | undefined,
): PackageChanges | UnknownPackages {
  if (!after) return { known: false, missing: "after" };
  if (!before) return { known: false, missing: "before" };
  const changes: PackageChanges = { known: true, updated: [], added: [], removed: [] };
  const ordered = (packages: Packages) => [...packages].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, version] of ordered(after)) {
    const from = before.get(name);
    if (from === undefined) changes.added.push({ name, version });
    else if (from !== version) changes.updated.push({ name, from, to: version });
  }
  for (const [name, version] of ordered(before)) if (!after.has(name)) changes.removed.push({ name, version });
  return changes;
}

/** Pure: `3 updated, 1 added`. */
export function countChanges({ updated, added, removed }: PackageChanges): string {
  const counts = { updated, added, removed };
  const said = Object.entries(counts).flatMap(([what, list]) => (list.length ? [`${list.length} ${what}`] : []));
  return said.join(", ") || "none changed";
}

/** Pure: a line a package, by what became of it; only what there is. */
export function changeLines({
  updated,
  added,
  removed,
}: PackageChanges): ["updated" | "added" | "removed", string[]][] {
  const one = ({ name, version }: Package) => `${name} ${version}`;
  const lists: ["updated" | "added" | "removed", string[]][] = [
    ["updated", updated.map(({ name, from, to }) => `${name} ${from} → ${to}`)],
    ["added", added.map(one)],
    ["removed", removed.map(one)],
  ];
  return lists.filter(([, lines]) => lines.length > 0);
}
