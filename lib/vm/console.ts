import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { files } from "./qemu.ts";
import { connectSoon } from "./sockets.ts";
import { statusLine } from "./status-line.ts";

/** Ctrl-], as telnet has it. */
const leave = 0x1d;

/**
 * Leaves a line out of a stream that comes in pieces of any size.
 * @returns what to show of a piece; the beginning of what may be the line is kept back until the next one.
 */
export function without(line: string): (piece: Buffer) => Buffer {
  const unwanted = Buffer.from(line);
  let kept = Buffer.alloc(0);
  return (piece) => {
    const text = Buffer.concat([kept, piece]);
    const at = text.indexOf(unwanted);
    if (at >= 0) {
      kept = Buffer.alloc(0);
      return Buffer.concat([text.subarray(0, at), text.subarray(at + unwanted.length)]);
    }
    let tail = Math.min(text.length, unwanted.length - 1);
    while (!unwanted.subarray(0, tail).equals(text.subarray(text.length - tail))) tail--;
    kept = Buffer.from(text.subarray(text.length - tail));
    return text.subarray(0, text.length - tail);
  };
}

/** What the reader sees and types on a machine's console. */
export interface ConsoleView {
  /** The words of the line at the bottom, the most important first. */
  status: string[];
  /** A line of the console that is for this program only. */
  hidden: string;
}

/**
 * Joins this terminal to a machine's serial console until the machine ends or Ctrl-] is typed.
 * @param folder of the running machine.
 * @returns whether the machine still runs.
 * @throws Failure where nobody can type, or the console is taken
 */
export async function attachConsole(folder: string, { status, hidden }: ConsoleView): Promise<boolean> {
  const { stdin, stdout } = process;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const shown = without(hidden);
  let bottom: ReturnType<typeof statusLine> | undefined;
  const handlers: Bun.SocketHandler<undefined> = {
    data(_, bytes) {
      stdout.write(shown(bytes));
      bottom?.wrote();
    },
    close: () => resolve(false),
    error: () => resolve(false),
  };
  const connection = await connectSoon(join(folder, files.console), handlers).catch((error: unknown) => {
    throw new Failure(exit.failed, "the machine's console does not answer", {
      tried: [error instanceof Error ? error.message : String(error)],
      next: "bun run vm list",
    });
  });
  bottom = statusLine(stdout, status);
  const type = (bytes: Buffer) => {
    const at = bytes.indexOf(leave);
    if (at < 0) connection.write(bytes);
    else resolve(true);
  };
  stdin.setRawMode?.(true);
  stdin.on("data", type);
  stdin.resume();
  try {
    return await promise;
  } finally {
    stdin.off("data", type);
    stdin.setRawMode?.(false);
    stdin.pause();
    bottom.end();
    connection.end();
  }
}
