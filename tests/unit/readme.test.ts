import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../lib/cli/commands.ts";
import { loadFamily } from "../../lib/family/manifest.ts";
import { renderReadme } from "../../lib/family/readme.ts";
import { checkout, Project } from "../support/sandbox.ts";

const readme = readFileSync(join(checkout, "README.md"), "utf8");

test("the tables are up to date; if not: bun run readme", async () => {
  expect(renderReadme(readme, await loadFamily(checkout))).toBe(readme);
});

test("every target and every command has its row", async () => {
  const family = await loadFamily(checkout);
  for (const name of family.flavors.keys()) expect(readme).toContain(`\n| [\`${name}\`](flavors/${name}.yaml) |`);
  for (const { name } of commands) expect(readme).toMatch(new RegExp(`\\n\\| \`bun run ${name}[ \`]`));
});

test("what it links to is there", () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((m) => m[1] ?? "");
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !existsSync(join(checkout, link)))).toEqual([]);
});

test("a text without a place for a table is an error that says how to make one", async () => {
  const family = await loadFamily(checkout);
  expect(() => renderReadme("# nothing\n", family)).toThrow("README.md has no place for the table of targets");
});

test("--check changes nothing and ends with 1, writing mends it", async () => {
  const project = new Project();
  try {
    const file = join(project.root, "README.md");
    writeFileSync(file, readme.replace("Minimal Debian server", "Something else"));
    const before = readFileSync(file, "utf8");
    const check = await project.slipway("readme", "--check");
    expect([check.code, check.stdout]).toEqual([1, ""]);
    expect(check.stderr).toContain("next: bun run readme");
    expect(readFileSync(file, "utf8")).toBe(before);
    expect((await project.slipway("readme")).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(readme);
    expect((await project.slipway("readme", "--check")).code).toBe(0);
  } finally {
    project.remove();
  }
});
