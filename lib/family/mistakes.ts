import { exit, Failure } from "../system/errors.ts";
import { visible } from "../system/output.ts";

/** A mistake in the manifest, at the place where it stands. */
export interface Mistake {
  file: string;
  /** 1-based; absent for a file that is wrong as a whole (an overlay file in a forbidden place). */
  line?: number;
  column?: number;
  message: string;
  /** The text of that line. */
  text?: string;
  expected?: string;
}

/** So much of a line is shown around the mistake: the width of a wide terminal. */
const shownBefore = 60;
const shownLine = 120;

/** Mistakes that are shown; the rest is counted. Nobody reads more, and a hostile file has many thousands. */
const mostShown = 100;

/** `file:line:column`, or the file as a whole. */
function placeOf(m: Mistake): string {
  return m.line === undefined ? m.file : `${m.file}:${m.line}:${m.column ?? 1}`;
}

/** `file:line:column: message`, the line with a mark below it, and what was expected. */
export function showMistake(m: Mistake): string {
  const lines = [`${placeOf(m)}: ${m.message}`];
  if (m.line !== undefined && m.text !== undefined) {
    const gutter = String(m.line).padStart(5);
    const column = (m.column ?? 1) - 1;
    const from = m.text.length > shownLine ? Math.max(0, column - shownBefore) : 0;
    const start = from ? "…" : "";
    // Tabs stay tabs, so that the mark stands below what it means.
    const before = start + visible(m.text.slice(from, column));
    const after = m.text.slice(column, from + shownLine);
    lines.push(`${gutter} | ${before}${visible(after)}`, `${" ".repeat(5)} | ${before.replaceAll(/[^\t]/g, " ")}^`);
  }
  if (m.expected) lines.push(`      expected: ${m.expected}`);
  return lines.join("\n");
}

/** All the mistakes of a run, as one end with exit code 2. */
export class ManifestFailure extends Failure {
  readonly mistakes: Mistake[];

  constructor(mistakes: Mistake[]) {
    const count = mistakes.length === 1 ? "one mistake" : `${mistakes.length} mistakes`;
    const more = mistakes.length > mostShown ? [`and ${mistakes.length - mostShown} more`] : [];
    const shown = [...mistakes.slice(0, mostShown).map(showMistake), ...more];
    const [first] = mistakes;
    const place = first ? { place: placeOf(first) } : {};
    super(exit.usage, [...shown, `${count} in the manifest; nothing was done`].join("\n"), place);
    this.mistakes = mistakes;
  }
}
