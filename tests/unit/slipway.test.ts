// reaches: bin/slipway package.json
// The program of the package: which script it runs, which Bun it takes, and what it tells the reader to type.
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptFor } from "../../lib/cli/slipway.ts";
import { checkout, exec } from "../support/sandbox.ts";

const root = mkdtempSync(join(tmpdir(), "slipway-bin-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const script = (name: string) => join(checkout, "scripts", `${name}.ts`);

test.each([
  ["build znver4 --json", ["build", "znver4", "--json"]],
  ["", ["help"]],
  ["--help", ["help"]],
  ["--version", ["help", "--version"]],
  ["nosuch x", ["help", "--", "nosuch"]],
  ["../scripts/build", ["help", "--", "../scripts/build"]],
])("`slipway %s` runs %p", (line, [name = "", ...words]) => {
  expect(scriptFor(line.split(" ").filter(Boolean))).toEqual([script(name), ...words]);
});

/** A program that says its name, its version if asked, and what messages are to name. */
function program(folder: string, name: string, version: string): void {
  mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, folder, name);
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit\necho "${folder} $SLIPWAY_RUN $*"\n`);
  chmodSync(path, 0o755);
}

describe("bin/slipway as a package has it", () => {
  const bin = join(root, "p/node_modules/.bin");
  mkdirSync(join(root, "p/node_modules/slipway/bin"), { recursive: true });
  mkdirSync(bin);
  cpSync(join(checkout, "bin/slipway"), join(root, "p/node_modules/slipway/bin/slipway"));
  symlinkSync("../slipway/bin/slipway", join(bin, "slipway"));
  program("p/node_modules/.bin", "bun", "1.4.9");
  program("good", "bun", "1.4.5");
  program("good", "bunx", "1.4.5");
  program("old", "bun", "1.3.9");
  program("all", "slipway", "0.1.0");
  const folders = (names: string) => names.split(" ").map((name) => join(root, name));
  const run = (names: string) =>
    exec([join(bin, "slipway"), "list", "a b"], {
      PATH: [...folders(names), "/usr/bin", "/bin"].join(":"),
      SLIPWAY_RUN: "",
    });
  const words = /--no-install \S+\/lib\/cli\/slipway\.ts list a b\n$/;

  test.each([
    ["the PATH's Bun", "good", "good bunx slipway"],
    ["the package's Bun, as the PATH's is too old", "old", "p/node_modules/.bin npx slipway"],
    ["the package's Bun by npx", "p/node_modules/.bin", "p/node_modules/.bin npx slipway"],
    ["slipway where it is installed for good", "good all", "good slipway"],
  ])("takes and names %s", async (_, path, first) => {
    const { code, stdout, stderr } = await run(path);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith(`${first} `);
    expect(stdout).toMatch(words);
  });

  test("without any Bun that fits it says how to get one", async () => {
    rmSync(join(bin, "bun"));
    const { code, stdout, stderr } = await run("old");
    expect([code, stdout]).toEqual([3, ""]);
    expect(stderr).toContain("next: npm install --save-dev bun");
  });
});
