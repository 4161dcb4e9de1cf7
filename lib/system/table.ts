/**
 * Tables that fit a terminal. Where all columns have no room, the last one is folded at its spaces; if that leaves it too little,
 * columns go, the least important first; if nothing helps, a row becomes a block of lines. No word is ever cut.
 */

export interface TableOptions {
  /** Columns that can be left out, the least important first. */
  spare?: readonly number[];
  /** The first row names the columns: it has no meaning above blocks. */
  head?: boolean;
  /** Of what stands below the first cell in a block. */
  indent?: number;
  /** In columns; as wide as it gets without one. */
  width?: number | undefined;
}

export type Style = (cell: string, column: number, row: number) => string;

/** Between columns. */
const gap = 2;

/** A folded column narrower than this is no pleasure to read. */
const narrowest = 20;

interface Layout {
  columns: number[];
  widths: number[];
}

function layoutOf(rows: string[][], columns: number[]): Layout {
  return { columns, widths: columns.map((c) => Math.max(0, ...rows.map((row) => row[c]?.length ?? 0))) };
}

const widthOf = ({ widths }: Layout) => widths.reduce((sum, w) => sum + w + gap, -gap);

/** A text in lines of at most so many characters, ended at spaces; a longer word is a line of its own. */
export function foldWords(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The layout with its last column made narrower; undefined where it would be too narrow, or would cut a word. */
function folded(rows: string[][], layout: Layout, width: number): Layout | undefined {
  const column = layout.columns.at(-1);
  if (column === undefined || layout.columns.length < 2) return undefined;
  const left = width - widthOf({ ...layout, widths: [...layout.widths.slice(0, -1), 0] });
  const words = rows.flatMap((row) => (row[column] ?? "").split(" "));
  if (left < narrowest || words.some((word) => word.length > left)) return undefined;
  return { ...layout, widths: [...layout.widths.slice(0, -1), left] };
}

/** The first layout that fits, the most complete first. */
function fitting(rows: string[][], spare: readonly number[], width: number): Layout | undefined {
  const all = [...Array(Math.max(0, ...rows.map((row) => row.length))).keys()];
  for (let gone = 0; gone <= spare.length; gone++) {
    const columns = all.filter((c) => !spare.slice(0, gone).includes(c));
    const layout = layoutOf(rows, columns);
    if (widthOf(layout) <= width) return layout;
    const fits = folded(rows, layout, width);
    if (fits) return fits;
  }
  return undefined;
}

function lineUp(row: string[], r: number, { columns, widths }: Layout, style: Style): string[] {
  const cells = columns.map((c, i) =>
    i === columns.length - 1 ? foldWords(row[c] ?? "", widths[i] ?? 0) : [row[c] ?? ""],
  );
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map((c, i) => {
        const text = cells[i]?.[line] ?? "";
        const pad = i < columns.length - 1 ? " ".repeat((widths[i] ?? 0) - text.length + gap) : "";
        return (c < row.length ? style(text, c, r) : text) + pad;
      })
      .join("")
      .trimEnd(),
  );
}

/** The first cell, and below it the others, as many a line as there is room for. */
function block(row: string[], r: number, width: number, indent: number, style: Style): string[] {
  const [first = "", ...others] = row;
  const lines = foldWords(first, width).map((text) => ({ text: style(text, 0, r), length: width }));
  for (const [i, cell] of others.entries())
    for (const [part, text] of foldWords(cell, width - indent).entries()) {
      if (text === "") continue;
      const last = lines.at(-1);
      const shown = style(text, i + 1, r);
      const length = (last?.length ?? width) + gap + text.length;
      if (last && part === 0 && length <= width) Object.assign(last, { text: `${last.text}  ${shown}`, length });
      else lines.push({ text: " ".repeat(indent) + shown, length: indent + text.length });
    }
  return lines.map(({ text }) => text);
}

/** Pure: rows of cells as text. Columns are padded to their widest cell, the last one is not. Cells hold no colours; `style` adds them. */
export function tableText(
  rows: string[][],
  style: Style,
  { spare = [], head = false, indent = gap, width = Number.POSITIVE_INFINITY }: TableOptions,
): string {
  const layout = fitting(rows, spare, width);
  if (layout) return rows.flatMap((row, r) => lineUp(row, r, layout, style)).join("\n");
  return rows.flatMap((row, r) => (head && r === 0 ? [] : block(row, r, width, indent, style))).join("\n");
}

/** Columns of the names on the left of `namedLines`. */
const nameColumns = 12;

/** Pure: names on the left, their texts on the right, one below the other, each folded at its spaces. */
export function namedLines(named: [name: string, texts: string[]][], width: number): string[] {
  return named.flatMap(([name, texts]) =>
    texts
      .flatMap((text) => foldWords(text, Math.max(narrowest, width - nameColumns)))
      .map((line, i) => (i === 0 ? name : "").padEnd(nameColumns) + line),
  );
}
