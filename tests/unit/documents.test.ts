// reaches: docs/ README.md CONTRIBUTING.md SECURITY.md
// A claim of the threat model is worth what the test is worth that it names.
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { checkout } from "../support/sandbox.ts";

const model = readFileSync(join(checkout, "docs/threat-model.md"), "utf8");

/** Files of tests, each with the names that stand after it: `FILE`: "NAME", "NAME". */
const named = [...model.matchAll(/`(tests\/[^`]+)`(?:: ((?:"[^"]+"(?:, )?)+))?/g)].map(([, file = "", names = ""]) => ({
  file,
  names: [...names.matchAll(/"([^"]+)"/g)].map((m) => m[1] ?? ""),
}));

test("every test that the threat model names is there, by its file and its words", () => {
  expect(named.length).toBeGreaterThan(10);
  const lost = named.flatMap(({ file, names }) => {
    const path = join(checkout, file);
    if (!existsSync(path)) return [file];
    const text = readFileSync(path, "utf8");
    return names.filter((name) => !text.includes(name)).map((name) => `${file}: ${name}`);
  });
  expect(lost).toEqual([]);
});

test("every file of the checkout that the threat model and SECURITY.md name is there", () => {
  const text = model + readFileSync(join(checkout, "SECURITY.md"), "utf8");
  const files = [...text.matchAll(/`((?:lib|docs|containerfiles)\/[\w./-]+)`/g)].map((m) => m[1] ?? "");
  expect(files.filter((file) => !existsSync(join(checkout, file.replace(/\/$/, ""))))).toEqual([]);
});

test("every link of a page leads to a file, and to a heading of it", () => {
  const pages = ["README.md", "CONTRIBUTING.md", ...new Glob("docs/**/*.md").scanSync(checkout)];
  const headings = (file: string) =>
    [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)].map((m) =>
      (m[1] ?? "")
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    );
  const lost = pages.flatMap((page) => {
    const links = readFileSync(join(checkout, page), "utf8").matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g);
    return [...links].flatMap(([link, path = "", heading]) => {
      const file = path ? join(checkout, dirname(page), path) : join(checkout, page);
      const isThere = existsSync(file) && (heading === undefined || headings(file).includes(heading));
      return isThere ? [] : [`${page}: ${link}`];
    });
  });
  expect(lost).toEqual([]);
});
