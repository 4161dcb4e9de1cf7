import { exit, Failure } from "../system/errors.ts";

export interface Port {
  host: number;
  guest: number;
}

function listens(port: number): number | undefined {
  try {
    const listener = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    const { port: got } = listener;
    listener.stop(true);
    return got;
  } catch {
    return undefined;
  }
}

/** A port of this machine that nobody listens on. */
export function freePort(): number {
  const port = listens(0);
  if (port !== undefined) return port;
  throw new Failure(exit.failed, "this machine has no free port left", { tried: ["127.0.0.1, any port"] });
}

/** @throws Failure naming the port that is in use */
export function needFree(ports: Port[]): void {
  for (const { host } of ports)
    if (listens(host) === undefined)
      throw new Failure(exit.failed, `port ${host} is in use on this machine, or not yours to use`, {
        tried: [`listening on 127.0.0.1:${host}`],
        next: "name another one: --port HOST:GUEST",
      });
}

/**
 * Whether an sshd answers on a port of this machine. QEMU takes a connection long before its guest does, and asks the guest
 * more and more seldom: so a connection that brings no greeting soon is given up, and the next one asks afresh.
 * Source of the greeting: RFC 4253, section 4.2.
 */
export async function sshGreets(port: number, patience = 2000): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), patience);
  const connecting = Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => resolve(bytes.toString().startsWith("SSH-")),
      close: () => resolve(false),
      error: () => resolve(false),
    },
  }).catch(() => resolve(false));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    (await connecting)?.end();
  }
}

/** "8080:80" → a port. @throws Failure (usage) */
export function parsePort(text: string): Port {
  const [, host, guest] = /^(\d{1,5}):(\d{1,5})$/.exec(text) ?? [];
  const port = { host: Number(host), guest: Number(guest) };
  const good = (n: number) => n > 0 && n < 65_536;
  if (good(port.host) && good(port.guest)) return port;
  throw new Failure(exit.usage, `\`${text}\` is no port`, { tried: ["HOST:GUEST, such as 8080:80"] });
}
