import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout } from "../support/sandbox.ts";

const running = (line: string) =>
  readdirSync("/proc").some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim() === line;
    } catch {
      return false;
    }
  });

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends what a command has started, on a system without ps",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-shell-"));
    try {
      for (const program of ["bash", "sleep"]) symlinkSync(Bun.which(program) ?? "", join(folder, program));
      const sleep = `sleep 98${process.pid}`;
      const script = join(folder, "script.ts");
      writeFileSync(
        script,
        `import { command } from "${checkout}/lib/cli/command.ts";
import { run } from "${checkout}/lib/cli/shell.ts";
await command("list", () => run(["bash", "-c", "${sleep} & wait"]), []);
`,
      );
      const child = Bun.spawn([process.execPath, script], {
        env: { PATH: folder },
        stdio: ["ignore", "ignore", "ignore"],
      });
      while (!running(sleep)) await Bun.sleep(20);
      child.kill(name);
      expect(await child.exited).toBe(130);
      expect(running(sleep)).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
