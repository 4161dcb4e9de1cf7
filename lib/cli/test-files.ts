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

/**
 * The test files that the words ask for: suites, names of files, or both (`unit manifest`). No word means all.
 * A word that is the whole name of a file means that file, with its suite (`unit/vm`) or without; any other word means every
 * file with that word in its name.
 * @param slow true: slow files are included without being named.
 * @returns paths from the project's root, in the order of the suites.
 * @throws Failure (usage) when nothing fits.
 */
export function selectTests(root: string, words: string[], slow = true): string[] {
  const named = words.filter((w) => suites.includes(w));
  const parts = words.filter((w) => !suites.includes(w));
  const all = (named.length ? suites.filter((s) => named.includes(s)) : suites).flatMap((suite) =>
    globSync(`tests/${suite}/**/*.test.ts`, { cwd: root }).sort(),
  );
  const isName = (part: string, file: string) => part === testName(file) || part === testTitle(file);
  const fits = (file: string) =>
    parts.some((part) => (all.some((f) => isName(part, f)) ? isName(part, file) : testName(file).includes(part)));
  const files = all.filter((f) => (parts.length === 0 ? slow || !isSlow(f) : fits(f)));
  if (files.length) return files;
  const names = all.map(testName);
  throw new Failure(exit.usage, `no test is called ${parts.join(" or ")}${didYouMean(parts[0] ?? "", names)}`, {
    tried: [`suites: ${suites.join(" ")}`, `tests: ${names.join(" ")}`],
  });
}
