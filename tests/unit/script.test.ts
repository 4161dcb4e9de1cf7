import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstComment, ownCommands } from "../../lib/cli/own-commands.ts";
import { type Line, lineOf } from "../../lib/cli/script-shell.ts";
import { checkout, commandLines, exec } from "../support/sandbox.ts";

// What maintainers' scripts are found by, and what `$` makes of a template.

type Values = Parameters<typeof lineOf>[1];
const line = (texts: TemplateStringsArray, ...values: Values): Line => lineOf(texts, values);

describe("$", () => {
  test("a template is words, and a value is one of them, however it looks", () => {
    expect(line`podman tag ${"a b"} x/${"c;d"}:e  --n=${3}`).toEqual({
      text: "podman tag 'a b' x/'c;d':e  --n=3",
      argv: ["podman", "tag", "a b", "x/c;d:e", "--n=3"],
    });
    expect(line`rm -- ${["a", "$(id)"]} b`.argv).toEqual(["rm", "--", "a", "$(id)", "b"]);
    expect(line`ls ${[]} b`.argv).toEqual(["ls", "b"]);
    expect(line`x ${""} y`.argv).toEqual(["x", "", "y"]);
  });

  test("several lines are several commands", () => {
    expect(line`
      podman tag a b
      podman push b
    `).toEqual({ text: "podman tag a b\n      podman push b" });
    expect(
      line`
      podman tag ${"a b"} b
    `.argv,
    ).toEqual(["podman", "tag", "a b", "b"]);
  });

  test("a value inside of quotes is refused: a shell would run what is in it", () => {
    const value = "$(id)";
    for (const bad of [
      () => line`git commit -m "${value}"`,
      () => line`echo 'a ${value}'`,
      () => line`a "b" c"${value}"`,
    ])
      expect(bad).toThrow("a value stands inside of quotes");
    expect(line`echo "a" ${value} 'b' \\"${value}`.text).toContain("'$(id)'");
    expect(line`echo "it's" ${value}`.text).toBe("echo \"it's\" '$(id)'");
  });

  test("quotes, pipes and variables are a shell's, and values are quoted for it", () => {
    for (const { argv } of [line`a | b`, line`a "b c"`, line`a $HOME`, line`X=1 a`, line`a > ${"b"}`])
      expect(argv).toBeUndefined();
    expect(line`echo ${"it's; id"} | cat`.text).toBe("echo 'it'\\''s; id' | cat");
  });
});

describe("a script", () => {
  const run = async (body: string, args: string[], env: Record<string, string> = {}) => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-script-"));
    const file = join(folder, "mine.ts");
    writeFileSync(file, `// mine\nimport { $, print, script } from "${checkout}/lib/index.ts";\n${body}\n`);
    try {
      return await exec([process.execPath, file, ...args], { SLIPWAY_PROJECT: folder, ...env });
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  test("a dry run shows what would change, and asks all the same", async () => {
    const body = "await script(async () => { await $`touch ${'/nowhere/a b'}`; print(await $.read`echo asked`); });";
    expect(await run(body, ["--dry-run"])).toEqual({
      code: 0,
      stdout: "asked\n",
      stderr: "+ touch '/nowhere/a b'\n",
    });
    expect((await run(body, [])).code).toBe(1);
  });

  test("secrets are not shown", async () => {
    const body = "await script(() => $`echo hunter22hunter22; false`);";
    const { stderr } = await run(body, [], { COSIGN_PASSWORD: "hunter22hunter22" });
    expect(stderr).toStartWith("echo ***; false: exit code 1\n  tried: ***\n");
  });

  test("a mistake in it is called one of the script", async () => {
    const { code, stderr } = await run("await script(async () => { throw new TypeError('no') });", []);
    expect([code, stderr.split("\n", 1)]).toEqual([1, ["a bug in scripts/mine.ts: TypeError: no"]]);
  });

  test("an interruption ends what it started", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-script-"));
    const sleep = `sleep 97${process.pid}`;
    const running = () => commandLines().some((words) => words.trim() === sleep);
    writeFileSync(
      join(folder, "mine.ts"),
      `import { $, script } from "${checkout}/lib/index.ts";\nawait script(() => $\`${sleep}\`);\n`,
    );
    const env = { ...process.env, SLIPWAY_PROJECT: folder };
    const child = Bun.spawn([process.execPath, join(folder, "mine.ts")], {
      env,
      stdio: ["ignore", "ignore", "ignore"],
    });
    try {
      while (!running()) await Bun.sleep(20);
      child.kill("SIGTERM");
      expect([await child.exited, running()]).toEqual([130, false]);
    } finally {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true });
    }
  });
});

test("scripts that are no command of ours are found, with their first comment", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-script-"));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  write("b.ts", "#!/usr/bin/env bun\n/** what b does */\n");
  write("a.ts", "import x;\n// not the first line\n");
  for (const name of ["build.ts", "Big.ts", "-x.ts", "notes.md"]) write(name, "// no\n");
  expect(ownCommands(folder).map((c) => [c.name, c.summary])).toEqual([
    ["a", "a script of this project"],
    ["b", "what b does"],
  ]);
  expect(ownCommands(join(folder, "none"))).toEqual([]);
  rmSync(folder, { recursive: true });
  expect(firstComment("// one\n// two\n")).toBe("one");
  expect(firstComment("\ncode // no\n")).toBeUndefined();
});
