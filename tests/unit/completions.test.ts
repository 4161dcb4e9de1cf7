// reaches: completions tests/samples/family/
import { afterAll, expect, test } from "bun:test";
import { commands } from "../../lib/cli/commands.ts";
import { complete, type Lookup } from "../../lib/cli/completions.ts";
import { wordsOf } from "../../lib/family/completion-words.ts";
import { SampleProject } from "../support/sample-family.ts";
import { exec } from "../support/sandbox.ts";

const project = new SampleProject();
afterAll(() => project.remove());

/** Answers with what it was asked. */
const echo: Lookup = (kind, before) => [
  { word: kind, summary: "" },
  { word: before.join("+"), summary: "" },
];

async function words(line: string, lookup: Lookup = wordsOf): Promise<string[]> {
  return (await complete(line, lookup)).map((c) => c.word);
}

/** The same as a shell asks it, of the sample family. */
async function sampleWords(line: string): Promise<string[]> {
  const { stdout } = await project.slipway("completions", "--line", line);
  return stdout.split("\n").flatMap((row) => row.split("\t", 1)[0] || []);
}

test("the first word is a command, with its summary", async () => {
  expect(await words("")).toEqual(commands.map((c) => c.name));
  expect(await words(" be")).toEqual(["bench"]);
  expect(await complete("matr", wordsOf)).toEqual([
    { word: "matrix", summary: commands.find((c) => c.name === "matrix")?.summary ?? "" },
  ]);
});

test.each([
  ["build ", ["arch"]],
  ["build amd64 ", ["flavor", "amd64+"]],
  ["build --jobs 2 --force amd64 ", ["flavor", "amd64+"]],
  ["build amd64 minimal ", ["flavor", "amd64+minimal+"]],
  ["lint amd64 minimal ", []],
  ["build --jobs ", []],
  ["new-flavor x --from ", ["base", "x+"]],
  ["completions ", ["shell"]],
  ["test ", ["test"]],
  ["nope ", []],
])("%j asks for %j", async (line, asked) => {
  expect((await words(line, echo)).filter(Boolean)).toEqual(asked);
});

test("options that are given already are not offered again", async () => {
  expect(await words("clean --")).toContain("--all");
  expect(await words("clean --all --")).not.toContain("--all");
  expect(await words("clean --a")).toEqual(["--all"]);
});

test("words of the manifest: arches, the flavors of the arch, and never one twice", async () => {
  expect(await sampleWords("build ")).toEqual(["znver4", "v3", "amd64"]);
  expect(await sampleWords("build v3 ")).toEqual(["base", "gamestation", "all"]);
  expect(await sampleWords("build v3 base ")).not.toContain("base");
  expect(await sampleWords("build v3 gn")).toEqual([]);
  expect(await sampleWords("new-flavor x --arches znver4,")).toEqual(["znver4,v3", "znver4,amd64"]);
  expect(await sampleWords("new-flavor x --from mini")).toEqual(["minimal"]);
  expect(await words("new-flavor x --display-manager gd")).toEqual(["gdm"]);
  expect(await words("test unit completi")).toContain("completions");
  expect(await words("completions f")).toEqual(["fish"]);
}, 30_000);

test.each([
  [[], "completions: for which shell?"],
  [["fisch"], "unknown shell `fisch`; did you mean `fish`?"],
])("completions %j says what there is", async (args, message) => {
  const { code, stdout, stderr } = await exec([process.execPath, "scripts/completions.ts", ...args]);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
  expect(stderr).toContain("bash zsh fish");
});
