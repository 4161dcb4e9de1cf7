import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { without } from "../../lib/vm/console.ts";
import { consoleKargs } from "../../lib/vm/login.ts";
import { BootWatch } from "../../lib/vm/phases.ts";
import { ask } from "../../lib/vm/qmp.ts";
import { readyCredentials, readyMark } from "../../lib/vm/ready-unit.ts";
import { connectSoon } from "../../lib/vm/sockets.ts";
import { drawn, roomAbove, statusLine } from "../../lib/vm/status-line.ts";

const root = mkdtempSync(join(tmpdir(), "console-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("a line that is not for the reader", () => {
  const mark = readyMark("n-1");
  const shown = (pieces: string[]) => {
    const see = without(mark);
    return pieces.map((piece) => see(Buffer.from(piece)).toString());
  };

  test("is left out in one piece, and byte by byte", () => {
    const text = `root@web:~# ${mark}$ ls\r\n`;
    expect(shown([text])).toEqual(["root@web:~# $ ls\r\n"]);
    expect(shown([...text]).join("")).toBe("root@web:~# $ ls\r\n");
  });
  test("holds nothing back that somebody types", () =>
    expect(shown(["s", "l", "\r\n", "slipway-ready n-1\r\n"])).toEqual(["s", "l", "\r\n", "slipway-ready n-1\r\n"]));
  test("of another machine stays", () => expect(shown([readyMark("n-2"), "."]).join("")).toBe(`${readyMark("n-2")}.`));
  test("is what a boot is known by", () => {
    const watch = new BootWatch("n-1", () => 0);
    watch.hear(`web login: ${mark}`);
    expect(watch.reached.has("target")).toBe(true);
    // the shell of the guest writes the same control character
    expect(readyCredentials("n-1")["systemd.extra-unit.slipway-ready.service"]).toContain("\\\\036slipway-ready %%s");
  });
});

describe("the line at the bottom", () => {
  const terminal = (rows: number, columns: number) => {
    const said: string[] = [];
    const listeners = new Set<() => void>();
    return {
      ...{ rows, columns, isTTY: true, said, listeners },
      write: (text: string) => said.push(text),
      on: (_: "resize", listener: () => void) => listeners.add(listener),
      off: (_: "resize", listener: () => void) => listeners.delete(listener),
    };
  };
  const term = process.env.TERM;
  beforeEach(() => {
    process.env.TERM = "xterm";
  });
  afterEach(() => {
    process.env.TERM = term;
  });

  test("takes a row, and none from a pipe, a small or a simple terminal", () => {
    expect(roomAbove(terminal(24, 80))).toEqual({ rows: 23, columns: 80 });
    expect(roomAbove(terminal(9, 80))).toBeUndefined();
    expect(roomAbove({ ...terminal(24, 80), isTTY: false })).toBeUndefined();
    process.env.TERM = "dumb";
    expect(roomAbove(terminal(24, 80))).toBeUndefined();
  });

  test("leaves words out, the last first, and never wraps", () => {
    const words = (columns: number) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours and movements
      const [, text = ""] = /\x1b\[7m(.*)\x1b\[0m/.exec(drawn(["leave", "another shell"], 23, columns)) ?? [];
      expect(text.length).toBe(columns);
      return text.trimEnd();
    };
    expect(words(80)).toBe(" leave   another shell");
    expect(words(20)).toBe(" leave");
    expect(words(4)).toBe(" lea");
  });

  test("is drawn again after output and another size, and goes at the end", async () => {
    const one = terminal(24, 80);
    const line = statusLine(one, ["leave"]);
    expect(one.said.join("")).toContain("\x1b[1;23r\x1b[24;1H");
    one.said.length = 0;
    line.wrote();
    line.wrote();
    while (one.said.length === 0) await Bun.sleep(20);
    one.rows = 30;
    for (const listener of one.listeners) listener();
    expect(one.said.at(-1)).toContain("\x1b[1;29r\x1b[30;1H");
    line.end();
    expect(one.said.at(-1)).toBe("\x1b7\x1b[r\x1b[30;1H\x1b[2K\x1b8");
    expect(one.listeners.size).toBe(0);
  });

  test("is known to the guest's programs, with the terminal's kind", () => {
    expect(consoleKargs({ rows: 23, columns: 80 }, "tmux-256color")).toEqual([
      "systemd.tty.rows.ttyS0=23",
      "systemd.tty.columns.ttyS0=80",
      "systemd.tty.term.ttyS0=xterm-256color",
    ]);
    expect(consoleKargs({ rows: 23, columns: 80 }, "vt100")).toHaveLength(2);
    expect(consoleKargs(undefined, "xterm")).toEqual([]);
  });
});

describe("a socket of QEMU", () => {
  // longer than what the kernel takes for a socket
  const folder = join(root, "x".repeat(120));
  mkdirSync(folder, { recursive: true });
  const listenAt = (name: string, socket: Bun.SocketHandler<undefined>) => {
    const back = process.cwd();
    process.chdir(folder);
    try {
      return Bun.listen({ unix: name, socket });
    } finally {
      process.chdir(back);
    }
  };

  test("that is not there yet is waited for", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const connecting = connectSoon(join(folder, "late"), { data: (_, bytes) => resolve(bytes.toString()) });
    await Bun.sleep(150);
    const server = listenAt("late", { open: (socket) => void socket.write("hello"), data: () => undefined });
    const connection = await connecting;
    expect(await promise).toBe("hello");
    connection.end();
    server.stop(true);
  });

  test("that never answers ends with the reason", async () => {
    expect(connectSoon(join(folder, "never"), { data: () => undefined }, 100)).rejects.toThrow();
    expect(ask(join(folder, "never"), "stop", {}, 100)).rejects.toThrow("QEMU did not do `stop`");
  });
});
