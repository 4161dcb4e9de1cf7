// reaches: readme README.md flavors/ tests/samples/family/
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../lib/cli/commands.ts";
import { checkManifest } from "../../lib/family/check.ts";
import { type Family, linkFamily } from "../../lib/family/family.ts";
import { missingRows, renderReadme } from "../../lib/family/readme.ts";
import { SampleProject, sampleFamily } from "../support/sample-family.ts";
import { checkout } from "../support/sandbox.ts";

const readme = readFileSync(join(checkout, "README.md"), "utf8");

/** The family without the flavors that README.md does not have yet: of those `bun run lint` speaks. */
function listed(): Family {
  const { head, flavors } = checkManifest(checkout);
  const missing = missingRows(readme, linkFamily({ head, flavors }, checkout));
  const known = Object.entries(flavors).filter(([name]) => !missing.includes(name));
  return linkFamily({ head, flavors: Object.fromEntries(known) }, checkout);
}

test("the tables are up to date; if not: bun run readme", () => {
  expect(renderReadme(readme, listed())).toBe(readme);
});

test("every command has its row, and the table of targets is not empty", () => {
  expect(listed().flavors.size).toBeGreaterThan(0);
  for (const { name } of commands) expect(readme).toMatch(new RegExp(`\\n\\| \`bun run ${name}[ \`]`));
});

test("what it links to is there", () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map((m) => m[1] ?? "");
  expect(links.length).toBeGreaterThan(3);
  const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map((m) => `#${m[1]?.toLowerCase().replaceAll(" ", "-")}`);
  const isThere = (link: string) => (link.startsWith("#") ? headings.includes(link) : existsSync(join(checkout, link)));
  expect(links.filter((link) => !isThere(link))).toEqual([]);
});

const empty = ["targets", "commands"].map((name) => `<!-- ${name}: here -->\n<!-- end of ${name} -->\n`).join("\n");

test("every flavor of a family gets its row, and one without is known", () => {
  const family = sampleFamily();
  const names = [...family.flavors.keys()];
  expect(missingRows(empty, family)).toEqual(names);
  const full = renderReadme(empty, family);
  for (const name of names) expect(full).toContain(`\n| [\`${name}\`](flavors/${name}.yaml) |`);
  expect(missingRows(full, family)).toEqual([]);
  expect(missingRows(full.replace(/^\| \[`gnome`.*\n/m, ""), family)).toEqual(["gnome"]);
  expect(missingRows("# nothing\n", family)).toEqual([]);
});

test("a text without a place for a table is an error that says how to make one", () => {
  expect(() => renderReadme("# nothing\n", sampleFamily())).toThrow("README.md has no place for the table of targets");
});

test("--check changes nothing and ends with 1, writing fixes it", async () => {
  const project = new SampleProject();
  try {
    const file = join(project.root, "README.md");
    const good = renderReadme(empty, sampleFamily());
    const wrong = good.replace("Minimal Debian server", "Something else");
    project.write("README.md", wrong);
    const check = await project.slipway("readme", "--check");
    expect([check.code, check.stdout]).toEqual([1, ""]);
    expect(check.stderr).toContain("next: bun run readme");
    expect(readFileSync(file, "utf8")).toBe(wrong);
    expect((await project.slipway("readme")).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(good);
    // the table is the same where Bun is on no PATH, and messages say ./run
    project.env.SLIPWAY_RUN = "./run";
    expect((await project.slipway("readme", "--check")).code).toBe(0);
  } finally {
    project.remove();
  }
});
