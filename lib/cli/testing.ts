import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { onInterrupt, unlessInterrupted } from "./command.ts";
import { exit, Failure } from "./errors.ts";
import { didYouMean } from "./nearest.ts";
import { say } from "./output.ts";
import { statePath } from "./project.ts";

/** The suites, the quick ones first: each is a folder of tests/. */
export const suites = ["unit", "integration", "vm"];

/** A file of tests that take minutes; only asked for by name, by `--slow` and in CI. */
export function isSlow(file: string): boolean {
  return file.endsWith(".slow.test.ts");
}

/**
 * The test files that the words ask for: suites, names of files, or both (`unit manifest`). No word means all.
 * @param slow whether slow ones are among them without being named.
 * @returns paths from the project's root, unit before integration before vm.
 * @throws Failure (usage) when nothing fits.
 */
export function selectTests(root: string, words: string[], slow = true): string[] {
  const named = words.filter((w) => suites.includes(w));
  const parts = words.filter((w) => !suites.includes(w));
  const all = (named.length ? suites.filter((s) => named.includes(s)) : suites).flatMap((suite) =>
    globSync(`tests/${suite}/**/*.test.ts`, { cwd: root }).sort(),
  );
  const files = all.filter((f) =>
    parts.length === 0 ? slow || !isSlow(f) : parts.some((part) => basename(f).includes(part)),
  );
  if (files.length) return files;
  const names = all.map((f) => basename(f).replace(/(\.slow)?\.test\.ts$/, ""));
  throw new Failure(exit.usage, `no test is called ${parts.join(" or ")}${didYouMean(parts[0] ?? "", names)}`, {
    tried: [`suites: ${suites.join(" ")}`, `tests: ${names.join(" ")}`],
  });
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** The failed ones: `tests/unit/args.test.ts:12 what it is about`. */
  failures: string[];
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#10": " " };

/** What Bun's JUnit report of a file says: the totals of its outermost element, and each failed test. */
export function countJunit(xml: string): Counts {
  const attribute = (element: string, name: string) =>
    (new RegExp(`\\b${name}="([^"]*)"`).exec(element)?.[1] ?? "").replace(
      /&([^;]+);/g,
      (whole, it) => entities[it] ?? whole,
    );
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? "";
  const total = (name: string) => Number(attribute(head, name));
  const failed = total("failures") + total("errors");
  const skipped = total("skipped");
  const failures = [...xml.matchAll(/(<testcase\b[^>]*[^/>]>)\s*<(?:failure|error)\b/g)].map(
    ([, test = ""]) => `${attribute(test, "file")}:${attribute(test, "line")} ${attribute(test, "name")}`,
  );
  return { passed: total("tests") - failed - skipped, failed, skipped, failures };
}

/** Guests wait for their disks half of the time: two files of them run side by side. Slow ones have the machine to themselves. */
const guests = 2;

/** Runs one test file; its output goes through, or is shown whole when it has ended. */
async function runFile(root: string, file: string, through: boolean): Promise<Counts> {
  const report = statePath("run", `junit-${process.pid}-${basename(file)}.xml`);
  rmSync(report, { force: true });
  // Tests compare messages as they are without ./run around them.
  const { SLIPWAY_RUN: _, ...env } = process.env;
  const to = through ? "inherit" : "pipe";
  const child = Bun.spawn([process.execPath, "test", `./${file}`, "--reporter=junit", `--reporter-outfile=${report}`], {
    cwd: root,
    stdio: ["ignore", to, to],
    env: { ...env, FORCE_COLOR: process.stderr.isTTY ? "1" : "0" },
  });
  const forget = onInterrupt(async () => {
    child.kill("SIGINT");
    await child.exited;
  });
  if (!through) say(`… ${file}`);
  const said = await Promise.all([child.stdout, child.stderr].map((stream) => new Response(stream ?? "").text()));
  const code = await child.exited;
  forget();
  for (const text of said) process.stderr.write(text);
  const counts = countJunit(existsSync(report) ? readFileSync(report, "utf8") : "");
  rmSync(report, { force: true });
  if (code === 0 || counts.failed > 0) return counts;
  return { ...counts, failed: 1, failures: [`${file} ended with exit code ${code}`] };
}

/**
 * Runs test files, one process a file so that a crash costs one file and not the count.
 * A file whose process ends badly without a failed test in its report counts as one failed test.
 */
export async function runTests(root: string, files: string[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const queue = files.filter((file) => file.startsWith("tests/vm/") && !isSlow(file));
  const run = async (file: string, through: boolean) => {
    await unlessInterrupted();
    const counts = await runFile(root, file, through);
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
    total.failures.push(...counts.failures);
  };
  for (const file of files) if (!queue.includes(file)) await run(file, true);
  const alone = queue.length === 1;
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await run(file, alone);
  };
  await Promise.all(Array.from({ length: guests }, work));
  return total;
}
