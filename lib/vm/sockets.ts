import { closeSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";

/** Connections to the sockets that QEMU makes in a machine's folder. */

/**
 * A socket by a path of any length: the kernel takes 107 characters, so the folder is named by a descriptor of it.
 * @returns the short path, and how to give the descriptor back once connected.
 */
function shortPath(path: string): { path: string; close: () => void } {
  const fd = openSync(dirname(path), "r");
  return { path: `/proc/self/fd/${fd}/${basename(path)}`, close: () => closeSync(fd) };
}

/**
 * Connects to a socket that may be only half made: its file is there before QEMU listens on it, which on a busy machine is some time.
 * @param patience milliseconds.
 * @throws what the last try threw
 */
export async function connectSoon(
  file: string,
  socket: Bun.SocketHandler<undefined>,
  patience = 10_000,
): Promise<Bun.Socket<undefined>> {
  const deadline = performance.now() + patience;
  for (;;) {
    const short = shortPath(file);
    try {
      return await Bun.connect({ unix: short.path, socket, data: undefined });
    } catch (error) {
      if (performance.now() > deadline) throw error;
    } finally {
      short.close();
    }
    await Bun.sleep(50);
  }
}
