import { appendFileSync } from "node:fs";
import { failureFacts } from "../../system/failure-facts.ts";
import { paintOut, print, printJson, say, seconds, table } from "../../system/output.ts";
import { exitCode, type StepResult } from "../../system/steps.ts";
import { type Outcome, type Stage, stages } from "./release.ts";

type Results = StepResult<Outcome>[];

function parts(result: StepResult<Outcome>): [Stage, string] {
  const [stage = "build", reference = ""] = result.id.split(" ");
  return [stage as Stage, reference];
}

function cell(result: StepResult<Outcome> | undefined): string {
  if (!result) return "–";
  return result.state === "done" ? result.value.said : result.state === "failed" ? "FAILED" : "left out";
}

/** One line a target, one column a stage. */
function rows(results: Results): string[][] {
  const references = [...new Set(results.map((r) => parts(r)[1]))];
  return references.map((reference) => {
    const mine = results.filter((r) => parts(r)[1] === reference);
    const took = mine.reduce((sum, r) => sum + r.seconds, 0);
    return [reference, ...stages.map((stage) => cell(mine.find((r) => parts(r)[0] === stage))), seconds(took)];
  });
}

const head = ["image", ...stages, "time"];

/** The same table for GitHub's page of a run. Source: GitHub's documentation of GITHUB_STEP_SUMMARY. */
function writeStepSummary(results: Results): void {
  const file = process.env.GITHUB_STEP_SUMMARY;
  if (!file) return;
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const failures = results.flatMap((r) =>
    r.state === "failed" ? [`- **${r.id}**: ${r.error.message.split("\n")[0]}`] : [],
  );
  // after a failure they say only what they waited for
  const left = failures.length
    ? []
    : results.flatMap((r) => (r.state === "left" ? [`- **${r.id}**: left out, ${r.because}`] : []));
  appendFileSync(
    file,
    `${[line(head), line(head.map(() => "---")), ...rows(results).map(line), "", ...failures, ...left].join("\n")}\n`,
  );
}

/** Prints what became of every stage; returns the exit code. */
export function reportRelease(results: Results, json: boolean): number {
  writeStepSummary(results);
  const failed = results.some((r) => r.state === "failed");
  if (json)
    printJson({
      steps: results.map((r) => {
        const [stage, reference] = parts(r);
        const common = { stage, reference, state: r.state, seconds: Number(r.seconds.toFixed(3)) };
        if (r.state === "done") return { ...common, said: r.value.said, ...r.value.facts };
        if (r.state === "left") return { ...common, why: r.because };
        return { ...common, why: r.error.message, error: failureFacts(r.error) };
      }),
    });
  else
    print(
      table(
        [head, ...rows(results)],
        (c, column, row) => (row === 0 ? paintOut.dim(c) : column === 0 ? paintOut.bold(c) : c),
        { head: true },
      ),
    );
  if (failed) say("next: fix what failed, then run this again: finished steps are skipped");
  return exitCode(results);
}
