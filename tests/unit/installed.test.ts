import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installedLine } from "../../lib/packages/installed.ts";

const bin = mkdtempSync(join(tmpdir(), "slipway-installed-"));
afterAll(() => rmSync(bin, { recursive: true, force: true }));

/** Whether a machine with these programs says that it has the package. */
function has(name: string, programs: Record<string, string>): boolean {
  for (const [program, body] of Object.entries(programs))
    writeFileSync(join(bin, program), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const grep = Bun.which("grep") ?? "/bin/grep";
  writeFileSync(join(bin, "grep"), `#!/bin/sh\nexec ${grep} "$@"\n`, { mode: 0o755 });
  const line = `word=${name}; ${installedLine('"$word"')}`;
  const { exitCode } = Bun.spawnSync(["/bin/sh", "-c", line], { env: { PATH: bin } });
  for (const program of Object.keys(programs)) rmSync(join(bin, program));
  return exitCode === 0;
}

/** Programs that know the package `zsh` alone. */
const knows = {
  pacman: '[ "$1 $2 $3" = "-Qq -- zsh" ]',
  rpm: '[ "$1 $2 $3" = "-q -- zsh" ]',
  "dpkg-query": '[ "$4" = zsh ] && echo installed; [ "$4" != old ] || echo config-files',
};

test.each(Object.entries(knows))("%s is asked", (program, body) => {
  expect([has("zsh", { [program]: body }), has("bash", { [program]: body })]).toEqual([true, false]);
});

test("one manager beside another: Debian with the program rpm", () => {
  expect([has("zsh", { rpm: "exit 1", "dpkg-query": knows["dpkg-query"] }), has("zsh", {})]).toEqual([true, false]);
});

test("what dpkg has removed, and knows by its settings only, is not installed", () => {
  expect(has("old", { "dpkg-query": knows["dpkg-query"] })).toBe(false);
});

test.skipIf(!Bun.which("dpkg-query"))("this machine's own dpkg", () => {
  const asked = (name: string) => Bun.spawnSync(["/bin/sh", "-c", installedLine(name)]).exitCode;
  expect([asked("base-files") === 0, asked("no-such-package") === 0]).toEqual([true, false]);
});
