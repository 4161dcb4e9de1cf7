import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout, exec } from "../support/sandbox.ts";

// What a command that was killed has left is cleared up by the next one, also if podman fails at first.

const root = mkdtempSync(join(tmpdir(), "leftovers-"));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A podman whose list of containers fails as often as said, and counts. */
const podman = (fails: number) => `#!/bin/sh
case "$*" in
    *--version*) echo "podman version 4.3.1" ;;
    "ps "*)
        echo ps >>${root}/asked
        [ "$(wc -l <${root}/asked)" -gt ${fails} ] || { echo "Error: no such container" >&2; exit 125; }
        echo "[]" ;;
esac
`;

test.each([
  ["fails once", 1, false, 2],
  ["fails every time", 99, true, 3],
])("podman that %s", async (_, fails, stays, asked) => {
  // of a process that nobody has: numbers end far below
  const dead = join(root, ".slipway/run/99999999-1");
  mkdirSync(dead, { recursive: true });
  writeFileSync(join(dead, "containers"), "");
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/podman"), podman(fails), { mode: 0o755 });
  writeFileSync(
    join(root, "sweep.ts"),
    `import { sweepDead } from "${checkout}/lib/tools/leftovers.ts";\nawait sweepDead();\n`,
  );
  const env = { SLIPWAY_PROJECT: root, PATH: `${join(root, "bin")}:${process.env.PATH}` };
  const { code, stderr } = await exec([process.execPath, join(root, "sweep.ts")], env);
  expect([code, stderr]).toEqual([0, ""]);
  expect(existsSync(dead)).toBe(stays);
  expect(readFileSync(join(root, "asked"), "utf8").trim().split("\n")).toHaveLength(asked);
});
