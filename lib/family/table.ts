import { type Family, lineage } from "./family.ts";
import { reference } from "./target.ts";

/** One flavor in the table of targets: `bun run list`, its `--json` and the README show the same. */
export interface TargetRow {
  flavor: string;
  title: string;
  arches: string[];
  builder: string;
  from: string | null;
  displayManager: string | null;
  references: string[];
}

export function targetRows(family: Family): TargetRow[] {
  return [...family.flavors.values()].map((flavor) => ({
    flavor: flavor.name,
    title: flavor.title,
    arches: flavor.arches,
    builder: flavor.builder,
    from: flavor.from?.name ?? null,
    displayManager: lineage(flavor).find((f) => f.displayManager)?.displayManager ?? null,
    references: flavor.arches.map((arch) => reference(family, flavor.name, arch)),
  }));
}

export const targetHeader = ["flavor", "title", "arches", "builder", "display manager", "reference"];

/** A row's cells; several arches share one reference: `…:{znver4,v3}`. */
export function targetRow(row: TargetRow): string[] {
  const [first = ""] = row.references;
  const name = first.slice(0, first.lastIndexOf(":"));
  const tags = row.arches.length > 1 ? `{${row.arches.join(",")}}` : (row.arches[0] ?? "");
  return [row.flavor, row.title, row.arches.join(" "), row.builder, row.displayManager ?? "–", `${name}:${tags}`];
}
