import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout, commandLines } from "../support/sandbox.ts";

const running = (line: string) => commandLines().some((words) => words.trim() === line);

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends what a command has started, on a system without ps",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-shell-"));
    let child: Bun.Subprocess | undefined;
    try {
      for (const program of ["bash", "sleep"]) symlinkSync(Bun.which(program) ?? "", join(folder, program));
      const sleep = `sleep 98${process.pid}`;
      const script = join(folder, "script.ts");
      writeFileSync(
        script,
        `import { command } from "${checkout}/lib/cli/command.ts";
import { run } from "${checkout}/lib/system/shell.ts";
await command("list", () => run(["bash", "-c", "${sleep} & wait"]), []);
`,
      );
      child = Bun.spawn([process.execPath, script], {
        env: { PATH: folder },
        stdio: ["ignore", "ignore", "ignore"],
      });
      while (!running(sleep)) await Bun.sleep(20);
      child.kill(name);
      expect(await child.exited).toBe(130);
      expect(running(sleep)).toBe(false);
    } finally {
      child?.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    }
  },
);
