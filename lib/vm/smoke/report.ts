import { writeFileSync } from "node:fs";
import { type ExitCode, exit } from "../../system/errors.ts";
import { paintOut, print, printJson, say, seconds } from "../../system/output.ts";
import { stepRow } from "../../system/step-row.ts";
import { exitCode, type StepResult } from "../../system/steps.ts";
import { junit } from "./junit.ts";
import type { Smoked } from "./smoke.ts";

function facts({ checks, phases, journal }: Smoked): object {
  const wrong = checks.filter((c) => c.wrong !== undefined).length;
  return { state: wrong ? "broken" : "good", wrong, checks, phases, journal };
}

function show({ reference, checks, phases, journal }: Smoked): void {
  const wrong = checks.filter((c) => c.wrong !== undefined);
  for (const { kind, subject, wrong: what, journal: lines } of wrong) {
    print(`${paintOut.red("✗")} ${reference}: ${kind} ${paintOut.bold(subject)}: ${what}`);
    for (const line of lines) print(`    ${line}`);
  }
  const held = checks.length - wrong.length;
  const times = Object.entries(phases).map(([phase, at]) => `${phase} ${seconds(at)}`);
  print(`${reference}: ${held} of ${checks.length} checks hold; ${times.join(", ")}`);
  if (wrong.length) say(`  the whole journal: ${journal}`);
}

/** Prints what holds and what does not; @returns 1 where anything does not hold. */
export function reportSmoke(results: StepResult<Smoked>[], json: boolean, junitFile: string | undefined): ExitCode {
  if (junitFile !== undefined) writeFileSync(junitFile, junit(results));
  if (json) printJson({ targets: results.map((r) => stepRow(r, facts)) });
  else for (const result of results) if (result.state === "done") show(result.value);
  const code = exitCode(results) as ExitCode;
  if (code !== exit.done) return code;
  const broken = results.some((r) => r.state === "done" && r.value.checks.some((c) => c.wrong !== undefined));
  return broken ? exit.failed : exit.done;
}
