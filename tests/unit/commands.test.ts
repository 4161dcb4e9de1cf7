import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { everywhere, readArguments } from "../../lib/cli/args.ts";
import type { Command } from "../../lib/cli/commands/row.ts";
import { commands } from "../../lib/cli/commands.ts";
import { firstScreen } from "../../lib/cli/first-screen.ts";
import { version } from "../../lib/cli/version.ts";
import { checkout, exec } from "../support/sandbox.ts";

const names = commands.map((c) => c.name);

test("the table, scripts/ and package.json have the same commands", () => {
  const scripts: Record<string, string> = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")).scripts;
  const run = Object.entries(scripts).filter(([, line]) => line.startsWith("bun scripts/"));
  expect(run.map(([name]) => name).sort()).toEqual([...names].sort());
  expect(run.filter(([name, line]) => line !== `bun scripts/${name}.ts`)).toEqual([]);
  // beside ours there may be scripts of the project's maintainers, which are in no table
  const files = globSync("scripts/*.ts", { cwd: checkout }).map((file) => basename(file, ".ts"));
  expect(names.filter((name) => !files.includes(name))).toEqual([]);
});

test("names and options are there once", () => {
  const twice = (words: string[]) => words.filter((word, i) => words.indexOf(word) !== i);
  expect(twice(names)).toEqual([]);
  const all = (c: Command) => [...everywhere, ...c.options];
  expect(commands.flatMap((c) => twice(all(c).map((o) => o.name)))).toEqual([]);
  expect(commands.flatMap((c) => twice(all(c).flatMap((o) => o.short ?? [])))).toEqual([]);
});

test("summaries are one line, begin small and end without a full stop", () => {
  const texts = commands.flatMap((c) => [c.summary, ...c.options.map((o) => o.summary)]);
  expect(texts.filter((text) => !/^([a-z]|[A-Z]{2}|one JSON)[^\n]*[^.\n]$/.test(text))).toEqual([]);
});

describe("the first screen", () => {
  const own = (count: number): Command[] =>
    Array.from({ length: count }, (_, i) => ({
      ...{
        name: i % 3 ? `script-${i}` : `script-of-a-long-name-${i}`,
        group: "yours",
        summary: "",
        brief: "a comment that is far too long for a line",
      },
      ...{ args: [], options: [], example: "" },
    }));

  test.each([0, 3, 40])("has every command on 24 lines of 80 columns, with %d scripts of one's own", (count) => {
    const screen = firstScreen("GuaraOS", [...commands, ...own(count)], 80);
    const lines = screen.split("\n");
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    for (const { name, brief } of commands) expect(screen).toMatch(new RegExp(` ${name} +${brief}( |$)`, "m"));
    expect(screen.includes("… and more")).toBe(count === 40);
    if (count) expect(screen).toContain("script-of-a-lon…");
  });

  test("has no line that a narrow terminal would wrap", () => {
    const lines = firstScreen("GuaraOS", commands, 60).split("\n");
    expect(lines.filter((line) => line.length > 60)).toEqual([]);
  });

  test("says each command in three words that fit", () => {
    const odd = commands.filter(({ brief }) => brief.length > 18 || brief.split(" ").length > 3);
    expect(odd.map((c) => c.brief)).toEqual([]);
  });
});

test("the version is that of package.json", async () => {
  expect(JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")).version).toBe(version);
  const { code, stdout } = await exec([process.execPath, "scripts/build.ts", "--version"]);
  expect([code, stdout]).toEqual([0, `slipway ${version}\n`]);
});

test.each(commands.map((c) => [c.name, c] as const))("%s: its example is one that it takes", (name, command) => {
  const match = /^(?:bun run|\.\/run) (\S+) ?(.*)$/.exec(command.example);
  expect(match?.[1]).toBe(name);
  expect(() => readArguments(command, match?.[2]?.split(" ").filter(Boolean) ?? [])).not.toThrow();
});

test.each(commands.map((c) => [c.name, c] as const))(
  "%s --help tells what it does, and nothing else happens",
  async (name, command) => {
    const { code, stdout, stderr } = await exec([process.execPath, `scripts/${name}.ts`, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    const texts = [command.summary, command.example, ...command.options.flatMap((o) => [`--${o.name}`, o.summary])];
    for (const text of texts) expect(stdout).toContain(text);
  },
);

test.each(names)("%s --nosuch is an error that names the options", async (name) => {
  const { code, stdout, stderr } = await exec([process.execPath, `scripts/${name}.ts`, "--nosuch"]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(`${name}: unknown option --nosuch`);
  expect(stderr).toContain("--help");
});
