import { exit } from "./errors.ts";
import { paint, say, standStill } from "./output.ts";
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

async function interrupted(signal: string): Promise<void> {
  if (began !== undefined) {
    if (signal !== "SIGINT" || performance.now() - began < onePress) return;
    leaveForNext();
    say(paint.yellow("ended at once: the next command clears up what is left"));
    process.exit(exit.interrupted);
  }
  began = performance.now();
  standStill();
  say(paint.yellow(`\ninterrupted (${signal}): stopping what was started; press Ctrl-C again to end at once`));
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
