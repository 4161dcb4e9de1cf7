import type { Mistake } from "../../family/mistakes.ts";
import { type ExitCode, exit } from "../../system/errors.ts";
import { asTyped, type Paint, paintOut, print, printJson, say, table } from "../../system/output.ts";
import type { StepResult } from "../../system/steps.ts";
import type { Finding, Outcome, Severity } from "./finding.ts";
import type { LintPlan } from "./lint.ts";

/** What became of a check, as `--json` tells it. */
interface CheckRow {
  check: string;
  state: "ran" | "skipped" | "crashed";
  why?: string;
  seconds: number;
}

const rank: Record<Severity, number> = { error: 0, warning: 1, note: 2 };
const colours: Record<Severity, keyof Paint> = { error: "red", warning: "yellow", note: "cyan" };

/** The same finding in several targets is one, about all of them; sorted by file, line and weight. */
export function collect(findings: Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const { targets, ...same } = finding;
    // What is about an image and no file stands for itself.
    const key = JSON.stringify(finding.file ? same : finding);
    const known = merged.get(key);
    if (known?.targets && targets) known.targets = [...known.targets, ...targets];
    else merged.set(key, { ...finding });
  }
  const place = (f: Finding) => f.file ?? `~${f.targets?.[0] ?? ""}`;
  return [...merged.values()].sort((a, b) => {
    if (place(a) !== place(b)) return place(a) < place(b) ? -1 : 1;
    return (a.line ?? 0) - (b.line ?? 0) || rank[a.severity] - rank[b.severity];
  });
}

function row({ id, seconds, ...result }: StepResult<Outcome>): CheckRow {
  const common = { check: id, seconds: Number(seconds.toFixed(3)) };
  if (result.state === "failed") return { ...common, state: "crashed", why: result.error.message };
  if (result.state === "left") return { ...common, state: "skipped", why: result.because };
  if ("skipped" in result.value) return { ...common, state: "skipped", why: result.value.skipped };
  return { ...common, state: "ran" };
}

/** 0 when nothing is wrong, 1 for an error or a check that did not come to its end, 3 where only a tool was missing. */
function exitCode(results: StepResult<Outcome>[], findings: Finding[]): ExitCode {
  const crashes = results.flatMap((r) => (r.state === "failed" ? r.error.code : []));
  if (findings.some((f) => f.severity === "error") || crashes.some((c) => c !== exit.missing)) return exit.failed;
  return crashes.length ? exit.missing : exit.done;
}

function count(findings: Finding[]): Record<`${Severity}s`, number> {
  const of = (severity: Severity) => findings.filter((f) => f.severity === severity).length;
  return { errors: of("error"), warnings: of("warning"), notes: of("note") };
}

/** A file's findings below its name; what is about an image stands below that image's. */
function show(findings: Finding[]): void {
  const groups = Map.groupBy(findings, (f) => f.file ?? f.targets?.join(" ") ?? "");
  for (const [name, group] of groups) {
    print(paintOut.bold(name));
    for (const { file, line, column, severity, check, message, next, targets } of group) {
      const place = file && line ? `${file}:${line}:${column ?? 1}: ` : "  ";
      print(`${place}${paintOut[colours[severity]](severity)}: ${message} ${paintOut.dim(`[${check}]`)}`);
      if (file && targets) print(`    in: ${targets.join(" ")}`);
      if (next) print(`    next: ${asTyped(next)}`);
    }
    print("\n");
  }
}

/** Prints what the checks found and which of them could not look; returns the exit code. */
export function report(results: StepResult<Outcome>[], skipped: LintPlan["skipped"], json: boolean): number {
  const found = results.flatMap((r) => (r.state === "done" && "findings" in r.value ? r.value.findings : []));
  const findings = collect(found);
  const notRun = skipped.map((s): CheckRow => ({ ...s, state: "skipped", seconds: 0 }));
  const checks = [...results.map(row), ...notRun];
  const counts = count(findings);
  const code = exitCode(results, findings);
  if (json) {
    printJson({ ok: code === exit.done, ...counts, findings, checks });
    return code;
  }
  show(findings);
  const rest = checks.filter((c) => c.state !== "ran");
  if (rest.length)
    say(
      table(
        rest.map((c) => [c.state, c.check, c.why ?? ""]),
        undefined,
        { width: process.stderr.columns },
      ),
    );
  const ran = checks.length - rest.length;
  print(`${ran} checks ran: ${counts.errors} errors, ${counts.warnings} warnings, ${counts.notes} notes`);
  return code;
}

/** Mistakes of the manifest as the one JSON document; nothing else could be checked. */
export function reportMistakes(mistakes: Mistake[]): number {
  const findings = mistakes.map(
    ({ file, line, column, message, expected }): Finding => ({
      check: "manifest",
      severity: "error",
      file,
      ...(line === undefined ? {} : { line, column: column ?? 1 }),
      message,
      ...(expected ? { next: `expected: ${expected}` } : {}),
    }),
  );
  printJson({ ok: false, ...count(findings), findings, checks: [] });
  return exit.usage;
}
