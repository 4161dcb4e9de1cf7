import { exit, Failure } from "../cli/errors.ts";

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

/** `file:line:column: message`, the line with a mark below it, and what was expected. */
export function showMistake(m: Mistake): string {
  const place = m.line === undefined ? m.file : `${m.file}:${m.line}:${m.column ?? 1}`;
  const lines = [`${place}: ${m.message}`];
  if (m.line !== undefined && m.text !== undefined) {
    const gutter = String(m.line).padStart(5);
    // Tabs stay tabs, so that the mark stands below what it means.
    const before = m.text.slice(0, (m.column ?? 1) - 1).replaceAll(/[^\t]/g, " ");
    lines.push(`${gutter} | ${m.text}`, `${" ".repeat(5)} | ${before}^`);
  }
  if (m.expected) lines.push(`      expected: ${m.expected}`);
  return lines.join("\n");
}

/** All the mistakes of a run, as one end with exit code 2. */
export class ManifestFailure extends Failure {
  readonly mistakes: Mistake[];

  constructor(mistakes: Mistake[]) {
    const count = mistakes.length === 1 ? "one mistake" : `${mistakes.length} mistakes`;
    super(exit.usage, [...mistakes.map(showMistake), `${count} in the manifest; nothing was done`].join("\n"));
    this.mistakes = mistakes;
  }
}
