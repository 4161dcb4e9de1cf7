import { type Arguments, help, readArguments } from "./args.ts";
import { findCommand } from "./commands.ts";
import { exit, Failure } from "./errors.ts";
import { paint, print, say, standStill } from "./output.ts";
import { stateFailure } from "./project.ts";

type Cleanup = () => void | Promise<void>;
const cleanups = new Set<Cleanup>();
let ending = false;

/** Registers what must be undone if the command is interrupted; returns how to take it back. */
export function onInterrupt(cleanup: Cleanup): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

/** After an interruption nothing goes on but the clearing up: whoever awaits this waits until the process has ended. */
export async function unlessInterrupted(): Promise<void> {
  if (ending) await new Promise(() => undefined);
}

async function interrupted(signal: string): Promise<void> {
  if (ending) return;
  ending = true;
  standStill();
  say(paint.yellow(`\ninterrupted (${signal}): stopping what was started`));
  // In the order of registration: what runs is stopped before what it wrote is removed.
  for (const cleanup of cleanups) await Promise.resolve(cleanup()).catch(() => undefined);
  process.exit(exit.interrupted);
}

function explain(thrown: unknown): number {
  const error = stateFailure(thrown) ?? thrown;
  if (error instanceof Failure) {
    const [first = "", ...rest] = error.lines();
    say(paint.red(first));
    for (const line of rest) say(line);
    return error.code;
  }
  say(paint.red(`a defect in Slipway: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`));
  return exit.failed;
}

/** A reader that went away (`build --json | head -1`) is no error; a result that cannot be written is one. */
function watchOutput(stream: NodeJS.WriteStream, name: string): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    if (name === "stdout") say(paint.red(`the output cannot be written: ${error.message}`));
    process.exit(exit.failed);
  });
}

/**
 * Runs one command: reads its arguments (`argv`) by the command table, runs `body`, ends the process with its exit code
 * (the number that `body` returns, else 0).
 * A Failure is told without a stack; Ctrl-C and SIGTERM run what `onInterrupt` holds and end with 130.
 */
export async function command(
  name: string,
  body: (args: Arguments) => Promise<unknown>,
  argv = process.argv.slice(2),
): Promise<void> {
  watchOutput(process.stdout, "stdout");
  watchOutput(process.stderr, "stderr");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void interrupted(signal));
  let code: number = exit.done;
  try {
    const spec = findCommand(name);
    if (!spec) throw new Failure(exit.usage, `no command ${name}`);
    const args = readArguments(spec, argv);
    if (args.has("help")) print(help(spec));
    else {
      const result = await body(args);
      if (typeof result === "number") code = result;
    }
  } catch (error) {
    if (ending) return;
    code = explain(error);
  }
  if (!ending) process.exitCode = code;
}
