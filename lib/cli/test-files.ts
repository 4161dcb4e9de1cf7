import { globSync } from "node:fs";
import { basename } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { didYouMean } from "../system/nearest.ts";

/** The suites: each is a folder of tests/. The quick ones come first, and last what is about this checkout's own family. */
export const suites = ["unit", "integration", "vm", "guaraos"];

/** A file of tests that take minutes. It runs when it is named, with `--slow`, and in CI. */
export function isSlow(file: string): boolean {
  return file.endsWith(".slow.test.ts");
}

/** The name of a test file as people type it: `tests/vm/boot.slow.test.ts` is `boot`. */
export function testName(file: string): string {
  return basename(file).replace(/(\.slow)?\.test\.ts$/, "");
}

/** The same with its suite, which no other file has: `vm/boot`. */
export function testTitle(file: string): string {
  return `${file.split("/")[1] ?? ""}/${testName(file)}`;
}

/** What a word with a suite before it means (`unit/vm`), or else what is in the suites and has one of the words in its name. */
function fits(file: string, words: string[], all: string[]): boolean {
  const isName = (word: string, one: string) => word === testName(one) || word === testTitle(one);
  return words.some((word) =>
    word.includes("/") || all.some((one) => isName(word, one)) ? isName(word, file) : testName(file).includes(word),
  );
}

/**
 * The test files that the words ask for: suites, names of files, or both (`unit manifest`). No word means all.
 * A word that is the whole name of a file means that file, with its suite (`unit/vm`) or without; any other word means every
 * file with that word in its name. A name with its suite comes in addition to all else.
 * @param slow true: slow files are included without being named.
 * @returns paths from the project's root, in the order of the suites.
 * @throws Failure (usage) for a word that fits nothing.
 */
export function selectTests(root: string, words: string[], slow = true): string[] {
  const titles = words.filter((w) => w.includes("/"));
  const named = words.filter((w) => suites.includes(w));
  const parts = words.filter((w) => !titles.includes(w) && !named.includes(w));
  const all = suites.flatMap((suite) => globSync(`tests/${suite}/**/*.test.ts`, { cwd: root }).sort());
  const inSuites = all.filter((f) => named.length === 0 || named.includes(f.split("/")[1] ?? ""));
  const onlyTitles = titles.length > 0 && named.length + parts.length === 0;
  const others = inSuites.filter((f) =>
    parts.length ? fits(f, parts, inSuites) : !onlyTitles && (slow || !isSlow(f)),
  );
  const files = all.filter((f) => others.includes(f) || fits(f, titles, all));
  const wrong = [
    ...titles.filter((word) => !all.some((f) => fits(f, [word], all))),
    ...parts.filter((word) => !inSuites.some((f) => fits(f, [word], inSuites))),
  ];
  if (wrong.length === 0) return files;
  const names = inSuites.map(testName);
  throw new Failure(exit.usage, `no test is called ${wrong.join(" or ")}${didYouMean(wrong[0] ?? "", names)}`, {
    choices: [`suites: ${suites.join(" ")}`, `tests: ${names.join(" ")}`],
  });
}
