import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { onInterrupt } from "./command.ts";
import { exit, Failure } from "./errors.ts";
import { didYouMean } from "./nearest.ts";
import { statePath } from "./project.ts";

/** The suites, the quick ones first: each is a folder of tests/. */
export const suites = ["unit", "integration", "vm"];

/**
 * The test files that the words ask for: suites, names of files, or both (`unit manifest`). No word means all.
 * @returns paths from the project's root, unit before integration before vm.
 * @throws Failure (usage) when nothing fits.
 */
export function selectTests(root: string, words: string[]): string[] {
  const named = words.filter((w) => suites.includes(w));
  const parts = words.filter((w) => !suites.includes(w));
  const all = (named.length ? suites.filter((s) => named.includes(s)) : suites).flatMap((suite) =>
    globSync(`tests/${suite}/**/*.test.ts`, { cwd: root }).sort(),
  );
  const files = all.filter((f) => parts.length === 0 || parts.some((p) => basename(f).includes(p)));
  if (files.length) return files;
  const names = all.map((f) => basename(f, ".test.ts"));
  throw new Failure(exit.usage, `no test is called ${parts.join(" or ")}${didYouMean(parts[0] ?? "", names)}`, {
    tried: [`suites: ${suites.join(" ")}`, `tests: ${names.join(" ")}`],
  });
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** The totals of a JUnit report, as its outermost element states them. */
export function countJunit(xml: string): Counts {
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? "";
  const attribute = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = attribute("failures") + attribute("errors");
  const skipped = attribute("skipped");
  return { passed: attribute("tests") - failed - skipped, failed, skipped };
}

/**
 * Runs test files, one process a file so that a crash costs one file and not the count; their output goes through.
 * A file whose process ends badly without a failed test in its report counts as one failed test.
 */
export async function runTests(root: string, files: string[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    const report = statePath("run", `junit-${process.pid}.xml`);
    rmSync(report, { force: true });
    // Tests compare messages as they are without ./run around them.
    const { SLIPWAY_RUN: _, ...env } = process.env;
    const child = Bun.spawn(
      [process.execPath, "test", `./${file}`, "--reporter=junit", `--reporter-outfile=${report}`],
      {
        cwd: root,
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...env, FORCE_COLOR: process.stderr.isTTY ? "1" : "0" },
      },
    );
    const forget = onInterrupt(async () => {
      child.kill("SIGINT");
      await child.exited;
    });
    const code = await child.exited;
    forget();
    const counts = existsSync(report) ? countJunit(readFileSync(report, "utf8")) : { passed: 0, failed: 0, skipped: 0 };
    rmSync(report, { force: true });
    if (code !== 0 && counts.failed === 0) counts.failed = 1;
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  return total;
}
