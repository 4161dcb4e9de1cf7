import { usage } from "../cli/args.ts";
import { commands } from "../cli/commands.ts";
import { exit, Failure } from "../system/errors.ts";
import type { Family } from "./family.ts";
import { targetHeader, targetRow, targetRows } from "./table.ts";

/** The tables of the README follow from the manifest and from the table of commands; each stands between two comments. */

const cell = (text: string) => text.replaceAll("|", "\\|");

function markdownTable(rows: string[][]): string {
  const [head = [], ...body] = rows;
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

/** The cell by which a flavor is known in the table of targets. */
const flavorCell = (name: string) => `[\`${name}\`](flavors/${name}.yaml)`;

function targets(family: Family): string {
  const rows = targetRows(family).map((row) => {
    const [flavor = "", title = "", arches = "", builder = "", display = "", name = ""] = targetRow(row).map(cell);
    return [flavorCell(flavor), title, arches, builder, display, `\`${name}\``];
  });
  return markdownTable([targetHeader, ...rows]);
}

function commandTable(): string {
  const rows = commands.map((c) => [`\`${cell(usage(c))}\``, cell(c.summary), `\`${cell(c.example)}\``]);
  return markdownTable([["command", "does", "example"], ...rows]);
}

const parts: Record<string, (family: Family) => string> = { targets, commands: commandTable };

/** The place of a table: the comment before it, what is there now, the comment after it. */
const placeOf = (name: string) => new RegExp(`(<!-- ${name}: .*-->\\n)([^]*?)(<!-- end of ${name} -->)`);

/** The flavors that the table of targets in a README has no row for; none where there is no such table. */
export function missingRows(text: string, family: Family): string[] {
  const table = placeOf("targets").exec(text)?.[2];
  if (table === undefined) return [];
  return [...family.flavors.keys()].filter((name) => !table.includes(`| ${flavorCell(name)} |`));
}

/**
 * The README with its tables as they must be now.
 * @throws Failure when the comments of a table are not there.
 */
export function renderReadme(text: string, family: Family): string {
  return Object.entries(parts).reduce((before, [name, make]) => {
    const between = placeOf(name);
    if (!between.test(before))
      throw new Failure(exit.failed, `README.md has no place for the table of ${name}`, {
        next: `put these two lines into it: <!-- ${name}: written by bun run readme -->  and  <!-- end of ${name} -->`,
      });
    return before.replace(between, (_, head: string, _old: string, tail: string) => `${head}${make(family)}\n${tail}`);
  }, text);
}
