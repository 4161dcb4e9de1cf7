import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { files } from "./qemu.ts";
import { shortPath } from "./qmp.ts";

/** Ctrl-], as telnet has it. */
const leave = 0x1d;

/**
 * Joins this terminal to a machine's serial console until the machine ends or Ctrl-] is typed.
 * @param folder of the running machine.
 * @returns whether the machine still runs.
 * @throws Failure where nobody can type, or the console is taken
 */
export async function attachConsole(folder: string): Promise<boolean> {
  const { stdin, stdout } = process;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const short = shortPath(join(folder, files.console));
  let connection: Bun.Socket;
  try {
    connection = await Bun.connect({
      unix: short.path,
      socket: {
        data: (_, bytes) => void stdout.write(bytes),
        close: () => resolve(false),
        error: () => resolve(false),
      },
    });
  } catch (error) {
    throw new Failure(exit.failed, "the machine's console does not answer", {
      tried: [error instanceof Error ? error.message : String(error)],
      next: "bun run vm list",
    });
  } finally {
    short.close();
  }
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
    connection.end();
  }
}
