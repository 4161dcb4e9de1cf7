/**
 * One line that stays at the bottom of a terminal while a program writes above it. The terminal scrolls the rows above only (DECSTBM), and
 * the line is drawn again when the program is quiet for a moment, as a cleared screen takes the line with it.
 * Source: "XTerm Control Sequences", DECSTBM, DECSC and DECRC.
 */

/** A terminal with fewer rows has none to spare. */
const fewest = 10;

/** Milliseconds without output before the line is drawn again. */
const calm = 150;

interface Terminal {
  rows?: number | undefined;
  columns?: number | undefined;
  isTTY?: boolean | undefined;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** The size that is left to the program; undefined where the terminal has no room for the line, or cannot show it. */
export function roomAbove({ rows, columns, isTTY }: Terminal): { rows: number; columns: number } | undefined {
  if (!isTTY || process.env.TERM === "dumb" || !rows || !columns || rows < fewest) return undefined;
  return { rows: rows - 1, columns };
}

/** Pure: what draws the line and leaves the cursor where it was. Words that find no room are left out from the end. */
export function drawn(parts: string[], rows: number, columns: number): string {
  const words = [...parts];
  while (words.length > 1 && words.join("   ").length > columns - 2) words.pop();
  const text = ` ${words.join("   ")}`.slice(0, columns).padEnd(columns);
  return `\x1b7\x1b[1;${rows}r\x1b[${rows + 1};1H\x1b[7m${text}\x1b[0m\x1b8`;
}

/**
 * Shows the line until it is ended.
 * @param parts the most important one first.
 * @returns what to call after each output of the program, and at the end.
 */
export function statusLine(terminal: Terminal, parts: string[]): { wrote: () => void; end: () => void } {
  const room = roomAbove(terminal);
  if (!room) return { wrote: () => undefined, end: () => undefined };
  let timer: Timer | undefined;
  const draw = () => {
    const { rows, columns } = roomAbove(terminal) ?? room;
    terminal.write(drawn(parts, rows, columns));
  };
  // a free row at the bottom first, so that nothing is drawn over
  terminal.write("\n\x1b[1A");
  draw();
  terminal.on("resize", draw);
  return {
    wrote() {
      clearTimeout(timer);
      timer = setTimeout(draw, calm);
    },
    end() {
      clearTimeout(timer);
      terminal.off("resize", draw);
      const { rows } = roomAbove(terminal) ?? room;
      terminal.write(`\x1b7\x1b[r\x1b[${rows + 1};1H\x1b[2K\x1b8`);
    },
  };
}
