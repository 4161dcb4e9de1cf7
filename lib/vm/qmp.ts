import { closeSync, openSync } from "node:fs";
import { basename, dirname } from "node:path";
import { exit, Failure } from "../system/errors.ts";

/**
 * A socket by a path of any length: the kernel takes 107 characters, so the folder is named by a descriptor of it.
 * @returns the short path, and how to give the descriptor back once connected.
 */
export function shortPath(path: string): { path: string; close: () => void } {
  const fd = openSync(dirname(path), "r");
  return { path: `/proc/self/fd/${fd}/${basename(path)}`, close: () => closeSync(fd) };
}

interface Reply {
  return?: unknown;
  error?: { desc?: string };
  QMP?: object;
}

/**
 * Asks a running QEMU one thing. Each question is a connection of its own: QEMU talks to one at a time.
 * Source: QEMU's "QMP protocol specification".
 * @throws Failure when QEMU does not answer, or says no.
 */
export async function ask(socket: string, execute: string, args: object = {}, patience = 10_000): Promise<unknown> {
  const refused = (why: string) => new Failure(exit.failed, `QEMU did not do \`${execute}\``, { tried: [why] });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const timer = setTimeout(() => reject(refused(`no answer for ${patience / 1000} s`)), patience);
  let text = "";
  let greeted = false;
  const short = shortPath(socket);
  try {
    const connection = await Bun.connect({
      unix: short.path,
      socket: {
        data(self, bytes) {
          text += bytes.toString();
          const lines = text.split("\n");
          text = lines.pop() ?? "";
          for (const line of lines) {
            const reply = JSON.parse(line) as Reply;
            if (reply.QMP) self.write(`${JSON.stringify({ execute: "qmp_capabilities" })}\n`);
            else if (reply.error) reject(refused(reply.error.desc ?? line));
            else if ("return" in reply && !greeted) {
              greeted = true;
              self.write(`${JSON.stringify({ execute, arguments: args })}\n`);
            } else if ("return" in reply) resolve(reply.return);
          }
        },
        close: () => reject(refused("it hung up")),
        error: (_, error) => reject(refused(error.message)),
      },
    });
    promise.catch(() => undefined).finally(() => connection.end());
  } catch (error) {
    reject(refused(error instanceof Error ? error.message : String(error)));
  } finally {
    short.close();
  }
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
