import { type Style, type TableOptions, tableText } from "./table.ts";

const ci = !!process.env.CI;

/** A person is looking at stderr: colours and a moving line make sense. */
export const isTerminal = !!process.stderr.isTTY && !ci && process.env.TERM !== "dumb";

/** A person can be asked: both ends of the conversation are a terminal. */
export const canAsk = !!process.stdin.isTTY && !!process.stderr.isTTY && !ci;

type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";
export type Paint = Record<Colour, (text: string) => string>;

const coloured = isTerminal && !process.env.NO_COLOR;
const as = (text: string) => text;
const plain: Paint = { red: as, green: as, yellow: as, cyan: as, dim: as, bold: as };

/** Colours for stderr; none without a terminal, with NO_COLOR or in CI. chalk is loaded only where they show. */
export const paint: Paint = coloured ? new (await import("chalk")).Chalk({ level: 1 }) : plain;

/** Colours for stdout, which may go into a pipe while stderr does not. */
export const paintOut: Paint = process.stdout.isTTY ? paint : plain;

/** The codes that `paint` makes: six styles and their ends. Without colours, such a code cannot be ours. */
const ourCodes = coloured ? "(?!\\x1b\\[(?:1|2|31|32|33|36|22|39)m)" : "";

/** Unicode's controls but for tab and line feed, and the marks that turn the direction of what is read. */
const controls = new RegExp(
  `${ourCodes}[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]`,
  "g",
);

/**
 * A text as it may reach a terminal: names, titles and what tools say come from others, and a control character in them could
 * move the cursor, hide lines or type. Each is shown as \u and four digits, which JSON reads back.
 */
export function visible(text: string): string {
  const code = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return text.replaceAll("\r\n", "\n").replaceAll(controls, code);
}

/** How much is said beside the result. */
export type Volume = "quiet" | "usual" | "verbose";

let volume: Volume = "usual";

export function setVolume(wanted: Volume): void {
  volume = wanted;
}

/** What tools say is shown as it comes. */
export const isVerbose = () => volume === "verbose";

/** Lines may move at the bottom of the terminal: a person looks, and nothing else is written there meanwhile. */
export const mayMove = () => isTerminal && volume === "usual";

let stopMoving = (): void => undefined;

/** Says how the moving line of a terminal is taken away for good. */
export function onStandStill(stop: () => void): void {
  stopMoving = stop;
}

/** Nothing moves on the terminal from here on. */
export function standStill(): void {
  stopMoving();
}

let rewriteCommands = (text: string): string => text;

/** Says how commands in messages are shown, such as `./run build` for `bun run build`. */
export function showCommandsAs(rewrite: (text: string) => string): void {
  rewriteCommands = rewrite;
}

/** A text with its commands as the reader has to type them. */
export function asTyped(text: string): string {
  return rewriteCommands(text);
}

/** Something for the reader, beside the result: stderr. Nothing with `--quiet`. */
export function say(line = ""): void {
  if (volume !== "quiet") warn(line);
}

/** What is wrong, and what was asked for: stderr, with `--quiet` too. */
export function warn(line: string): void {
  process.stderr.write(`${visible(asTyped(line))}\n`);
}

let printed = false;

/** Something of the result is on stdout. */
export const hasPrinted = () => printed;

/** The result: stdout, and nothing else goes there. */
export function print(text: string): void {
  printed = true;
  process.stdout.write(visible(text.endsWith("\n") ? text : `${text}\n`));
}

/** The result as one JSON document. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** The columns of the terminal that shows stdout; without one a line is as long as it gets. */
export function printWidth(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;
}

/** A table for stdout. Cells hold no colours; `style` adds them. */
export function table(rows: string[][], style: Style = (cell) => cell, options: TableOptions = {}): string {
  return tableText(rows, style, { width: printWidth(), ...options });
}

/** 1234567 → "1.2 MB" (powers of 1000, as podman shows sizes). */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  // What would be shown as 1000 is 1.0 of the next unit.
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

/** 83.2 → "1m23s", 4.21 → "4.2s". */
export function seconds(s: number): string {
  if (s < 59.95) return `${s.toFixed(1)}s`;
  const whole = Math.round(s);
  return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
}
