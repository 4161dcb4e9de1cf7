import { exit, Failure } from "../system/errors.ts";
import { isInterrupted, watchSignals } from "../system/interrupt.ts";
import { paint, print, say, showCommandsAs } from "../system/output.ts";
import { stateFailure } from "../system/project.ts";
import { sweepDead } from "../tools/leftovers.ts";
import { type Arguments, help, readArguments } from "./args.ts";
import { findCommand } from "./commands.ts";
import { asTyped } from "./invocation.ts";

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
 * (the number that `body` returns, else 0). What killed commands left goes first.
 * A Failure is shown without a stack; Ctrl-C and SIGTERM run what `onInterrupt` holds and end with 130.
 */
export async function command(
  name: string,
  body: (args: Arguments) => Promise<unknown>,
  argv = process.argv.slice(2),
): Promise<void> {
  watchOutput(process.stdout, "stdout");
  watchOutput(process.stderr, "stderr");
  watchSignals();
  showCommandsAs(asTyped);
  let code: number = exit.done;
  try {
    const spec = findCommand(name);
    if (!spec) throw new Failure(exit.usage, `no command ${name}`);
    const args = readArguments(spec, argv);
    if (args.has("help")) print(help(spec));
    else {
      await sweepDead().catch(() => undefined); // a later command tries again
      const result = await body(args);
      if (typeof result === "number") code = result;
    }
  } catch (error) {
    if (isInterrupted()) return;
    code = explain(error);
  }
  if (!isInterrupted()) process.exitCode = code;
}
