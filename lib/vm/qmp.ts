import { exit, Failure } from "../system/errors.ts";
import { connectSoon } from "./sockets.ts";

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
  // it may be rejected before anybody waits for it
  promise.catch(() => undefined);
  const timer = setTimeout(() => reject(refused(`no answer for ${patience / 1000} s`)), patience);
  let text = "";
  let greeted = false;
  try {
    const handlers: Bun.SocketHandler<undefined> = {
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
    };
    const connection = await connectSoon(socket, handlers, Math.min(patience, 1000));
    void promise.catch(() => undefined).finally(() => connection.end());
  } catch (error) {
    reject(refused(error instanceof Error ? error.message : String(error)));
  }
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
