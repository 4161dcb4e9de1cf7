import { exit } from "./errors.ts";
import { paint, standStill, warn } from "./output.ts";
import { leaveForNext } from "./owner.ts";

type Cleanup = () => void | Promise<void>;
const cleanups = new Set<Cleanup>();
let began: number | undefined;

/** One Ctrl-C may arrive twice, from the terminal and from the program that started this one: within these milliseconds it is one. */
const onePress = 500;

/** Registers what must be undone if the command is interrupted; returns how to take it back. */
export function onInterrupt(cleanup: Cleanup): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

export function isInterrupted(): boolean {
  return began !== undefined;
}

/** After an interruption only the clearing up goes on: code that awaits this waits until the process has ended. */
export async function unlessInterrupted(): Promise<void> {
  if (began !== undefined) await new Promise(() => undefined);
}

/** How a program ended: by its exit code, or by a signal. */
export interface ProgramEnd {
  code: number | null;
  signal?: string | number | null;
}

/** Milliseconds that our own signal may come later than the end of a program that the same Ctrl-C ended. */
const late = { interrupted: 500, failed: 5 };

/**
 * To be awaited after a program has ended. Ctrl-C reaches every program at the terminal, and the one that we started may be gone before our
 * own handler runs: its failure must not look like an answer.
 */
export async function unlessInterruptedBy({ code, signal }: ProgramEnd): Promise<void> {
  if (code !== 0 && began === undefined)
    await Bun.sleep(code === exit.interrupted || signal === "SIGINT" || signal === 2 ? late.interrupted : late.failed);
  await unlessInterrupted();
}

async function interrupted(signal: string): Promise<void> {
  if (began !== undefined) {
    if (signal !== "SIGINT" || performance.now() - began < onePress) return;
    leaveForNext();
    warn(paint.yellow("ended at once: the next command clears up what is left"));
    process.exit(exit.interrupted);
  }
  began = performance.now();
  standStill();
  warn(paint.yellow(`\ninterrupted (${signal}): stopping what was started; press Ctrl-C again to end at once`));
  // In the order of registration: what runs is stopped before what it wrote is removed.
  for (const cleanup of cleanups)
    try {
      await cleanup();
    } catch {
      leaveForNext();
    }
  process.exit(exit.interrupted);
}

/** From now on Ctrl-C, SIGTERM and a closed terminal run what `onInterrupt` holds and end with 130; a second Ctrl-C ends at once. */
export function watchSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void interrupted(signal));
}
