import { existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { onInterrupt } from "../system/interrupt.ts";
import { statePath, toolRoot } from "../system/project.ts";
import { headerOf } from "./header.ts";
import { type Counts, countJunit } from "./junit.ts";
import { clearPlace, makePlace, placeOf, runMark, thisRun } from "./run-folder.ts";
import { sharedImages } from "./shared-images.ts";
import { readSpans, type Span } from "./times.ts";

/** What one file did. */
export interface Outcome extends Counts {
  /** All that it said. */
  log: string;
  spans: Span[];
  /** It was ended because another file had failed. */
  endedEarly: boolean;
}

/** Five seconds, Bun's own limit of a test, say nothing on a machine that is busy. Tests that take longer say so themselves. */
const usualPatience = "--timeout=60000";

/** What ran is a program that makes something for tests, and not a file of tests. */
export function isNeed(file: string): boolean {
  return file.startsWith("tests/needs/");
}

/** How a file is run, and with which variables: where its own images, temporary files and times go. */
function environment(file: string, index: number, spans: string): Record<string, string | undefined> {
  const { store, temporary } = makePlace(thisRun(), index);
  // Tests compare messages as they are without ./run around them.
  const { SLIPWAY_RUN: _, ...env } = process.env;
  return {
    ...env,
    PATH: `${Bun.which("runc") ? `${join(toolRoot, "tests/support/bin")}:` : ""}${env.PATH ?? ""}`,
    [runMark]: thisRun(),
    TMPDIR: temporary,
    SLIPWAY_TEST_IMAGES: headerOf(toolRoot, file).unshared ? undefined : sharedImages(),
    SLIPWAY_TEST_STORE: isNeed(file) ? sharedImages() : store,
    SLIPWAY_TEST_SPANS: spans,
    FORCE_COLOR: "0",
    // How fresh the mirror of this machine is says nothing about the code.
    SLIPWAY_ARCHIVE_DAYS: env.SLIPWAY_ARCHIVE_DAYS ?? "9999",
  };
}

/**
 * Runs one file in a process of its own, so that a crash costs one file, with places of its own, which are removed at the end.
 * If the process fails without a failed test in its report, the file counts as one failed test.
 * @param index of the file in this run.
 * @param signal ends it early.
 */
export async function runFile(file: string, index: number, signal: AbortSignal): Promise<Outcome> {
  const name = file
    .replace(/^tests\//, "")
    .replaceAll("/", "-")
    .replace(/\.ts$/, "");
  const log = statePath("logs", "tests", `${name}.log`);
  const [report, spans] = ["xml", "spans"].map((end) => statePath("logs", "tests", `${name}.${end}`)) as [
    string,
    string,
  ];
  for (const old of [report, spans]) rmSync(old, { force: true });
  const out = openSync(log, "w");
  const words = isNeed(file)
    ? ["flock", join(sharedImages(), `${name}.lock`), process.execPath, file]
    : [process.execPath, "test", `./${file}`, "--reporter=junit", `--reporter-outfile=${report}`, usualPatience];
  // Not by zx: the output goes to a file, not through this process.
  const child = Bun.spawn(words, {
    cwd: toolRoot,
    stdio: ["ignore", out, out],
    env: environment(file, index, spans),
  });
  const end = async () => {
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await child.exited;
    clearTimeout(timer);
  };
  const forget = onInterrupt(end);
  signal.addEventListener("abort", end);
  const code = await child.exited;
  forget();
  signal.removeEventListener("abort", end);
  const counts = countJunit(existsSync(report) ? readFileSync(report, "utf8") : "");
  const endedEarly = signal.aborted && counts.failed === 0;
  const outcome = { ...counts, log, spans: readSpans(spans), endedEarly };
  await clearPlace(placeOf(thisRun(), index));
  if (code === 0 || counts.failed > 0 || endedEarly) return outcome;
  const what = isNeed(file) ? "could not be made" : "ended";
  return { ...outcome, failed: 1, failures: [`${file} ${what} (exit code ${code})`] };
}
