// reaches: docs/
// Every command and option on the pages for people who come from other tools exists.

import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { everywhere } from "../../lib/cli/args.ts";
import { commands } from "../../lib/cli/commands.ts";
import { machineNames } from "../../lib/host/names.ts";
import { checkout } from "../support/sandbox.ts";

const pages = globSync("docs/coming-from/*.md", { cwd: checkout });

/** What a line of Markdown calls: `bun run NAME WORDS`, `bunx slipway NAME WORDS`, or the name of a program of people's machines. */
function calls(text: string): { name: string; words: string[] }[] {
  const spans = [...text.matchAll(/`([^`]+)`/g)].map((m) => (m[1] ?? "").split(" "));
  return spans.flatMap(([first = "", second = "", ...rest]) => {
    if (["bun run", "bunx slipway"].includes(`${first} ${second}`) && rest.length)
      return [{ name: rest[0] ?? "", words: rest.slice(1) }];
    const own = commands.find(({ name }) => machineNames.commands[name]?.includes(first));
    return own ? [{ name: own.name, words: [second, ...rest].filter(Boolean) }] : [];
  });
}

test.each(pages)("%s", (page) => {
  const text = readFileSync(join(checkout, page), "utf8");
  // what is missing is not there yet
  const wrong = calls(text.replace(/## What is missing[\s\S]*/, "")).flatMap(({ name, words }) => {
    const command = commands.find((one) => one.name === name);
    if (!command) return [`no command ${name}`];
    const known = [...command.options, ...everywhere].map((option) => `--${option.name}`);
    return words.filter((word) => word.startsWith("--") && !known.includes(word)).map((word) => `${name} ${word}`);
  });
  expect(wrong).toEqual([]);
});

test("files that the pages name are there", () => {
  const files = pages.flatMap((page) => {
    const text = readFileSync(join(checkout, page), "utf8").replaceAll(/^## The first ten minutes[^#]*/gm, "");
    return [...text.matchAll(/`((?:flavors|overlays|containerfiles|\.github|tests)\/[\w./-]+)`/g)].map(
      (m) => m[1] ?? "",
    );
  });
  expect(files.length).toBeGreaterThan(5);
  const isThere = (file: string) => /FLAVOR/.test(file) || globSync(file, { cwd: checkout }).length > 0;
  expect(files.filter((file) => !isThere(file))).toEqual([]);
});
