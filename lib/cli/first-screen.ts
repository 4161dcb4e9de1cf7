import { paintOut, table } from "../system/output.ts";
import { type Command, groups } from "./commands/row.ts";
import { asTyped } from "./invocation.ts";

/** A terminal's usual height; the prompt takes a line of it too. */
const most = 24;
const usualWidth = 80;

/** A text of at most so many characters. */
const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** So that two commands and the group fit into 80 columns. */
const longest = { left: 16, right: 11, brief: 18 };

/** The rows of a group, two commands a row where there is room. */
function rowsOf(group: string, commands: Command[], abreast: boolean): string[][] {
  const left = commands.map((c) => [cut(c.name, longest.left), cut(c.brief, longest.brief)]);
  const rows: string[][] = [];
  for (let first = left.shift(); first; first = left.shift()) {
    const beside = abreast && (left[0]?.[0]?.length ?? longest.left) <= longest.right ? left.shift() : undefined;
    rows.push([rows.length ? "" : group, ...first, ...(beside ?? [])]);
  }
  return rows;
}

/**
 * Every command with three words, in groups: at most 24 lines of 80 columns. Scripts of maintainers that do not fit are counted.
 * @param title whose commands they are.
 */
export function firstScreen(title: string, commands: Command[], width = usualWidth): string {
  const abreast = width >= usualWidth;
  const rows = groups.flatMap((group) =>
    rowsOf(
      group,
      commands.filter((c) => c.group === group),
      abreast,
    ),
  );
  const foot = [
    "",
    "bun run list shows the targets, bun run build makes them.",
    "bun run help COMMAND explains one; so does --help.",
  ];
  const room = most - 2 - foot.length;
  const fits = !abreast || rows.length <= room;
  const shown = fits ? rows : rows.slice(0, room - 1);
  const more = fits ? [] : ["… and more: bun run help --json"];
  const style = (cell: string, column: number) =>
    column === 0 ? paintOut.dim(cell) : column % 2 ? paintOut.bold(cell) : cell;
  return asTyped([`${title}: bun run COMMAND`, "", table(shown, style), ...more, ...foot].join("\n"));
}
