import { exit, Failure } from "../system/errors.ts";
import { failureFacts } from "../system/failure-facts.ts";
import { isInterrupted, watchSignals } from "../system/interrupt.ts";
import { hasPrinted, paint, print, printJson, setVolume, showCommandsAs, warn } from "../system/output.ts";
import { stateFailure } from "../system/project.ts";
import { sweepDead } from "../tools/leftovers.ts";
import { type Arguments, help, readArguments } from "./args.ts";
import type { Command } from "./commands/row.ts";
import { findCommand } from "./commands.ts";
import { asTyped } from "./invocation.ts";
import { version } from "./version.ts";

function explain(thrown: unknown, whose: string): number {
  const error = stateFailure(thrown) ?? thrown;
  if (error instanceof Failure) {
    const [first = "", ...rest] = error.lines();
    warn(paint.red(first));
    for (const line of rest) warn(line);
    return error.code;
  }
  warn(paint.red(`a bug in ${whose}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`));
  return exit.failed;
}

/** A reader that went away (`build --json | head -1`) is no error; a result that cannot be written is one. */
function watchOutput(stream: NodeJS.WriteStream, name: string): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    if (name === "stdout") warn(paint.red(`the output cannot be written: ${error.message}`));
    process.exit(exit.failed);
  });
}

/** Read from the words themselves: they may be what is wrong. */
function asksForJson(argv: string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? undefined : end).includes("--json");
}

/**
 * Runs one command: reads its arguments (`argv`) by its row, runs `body`, ends the process with its exit code
 * (the number that `body` returns, else 0). What killed commands left goes first.
 * A Failure is shown without a stack, and with `--json` it is a document on stdout too. Ctrl-C and SIGTERM run what `onInterrupt` holds
 * and end with 130.
 * @param row the name of a command of the table, or the row of a maintainer's script.
 */
export async function command(
  row: string | Command,
  body: (args: Arguments) => Promise<unknown>,
  argv = process.argv.slice(2),
): Promise<void> {
  watchOutput(process.stdout, "stdout");
  watchOutput(process.stderr, "stderr");
  watchSignals();
  showCommandsAs(asTyped);
  let code: number = exit.done;
  try {
    const spec = typeof row === "string" ? findCommand(row) : row;
    if (!spec) throw new Failure(exit.usage, `no command ${row}`);
    const args = readArguments(spec, argv);
    setVolume(args.has("quiet") ? "quiet" : args.has("verbose") ? "verbose" : "usual");
    if (args.has("help")) print(help(spec));
    else if (args.has("version")) print(`slipway ${version}`);
    else {
      await sweepDead().catch(() => undefined); // a later command tries again
      const result = await body(args);
      if (typeof result === "number") code = result;
    }
  } catch (error) {
    if (isInterrupted()) return;
    if (asksForJson(argv) && !hasPrinted()) printJson({ error: failureFacts(stateFailure(error) ?? error) });
    code = explain(error, typeof row === "string" ? "Slipway" : `scripts/${row.name}.ts`);
  }
  if (!isInterrupted()) process.exitCode = code;
}
