import { appendFileSync } from "node:fs";
import { failureFacts } from "../../system/failure-facts.ts";
import { paintOut, print, printJson, printWidth, say, seconds, table, warn } from "../../system/output.ts";
import { exitCode, type StepResult } from "../../system/steps.ts";
import type { Card } from "./card.ts";
import { allPackagesWords, cardText, changesOf } from "./card-text.ts";
import { isStdout, notesText, writeNotes } from "./notes.ts";
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

/** Packages that GitHub's page names in one list: it takes 1 MiB of a step, and drops all of a longer text. */
const mostOnPage = 200;

/** The same for GitHub's page of a run, with the cards. Source: GitHub's documentation of GITHUB_STEP_SUMMARY. */
function writeStepSummary(results: Results, cards: Card[]): void {
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
  const lines = [line(head), line(head.map(() => "---")), ...rows(results).map(line), "", ...failures, ...left];
  appendFileSync(file, `${lines.join("\n")}\n${cards.length ? `\n${notesText(cards, mostOnPage)}` : ""}`);
}

/** Packages of a list that a terminal shows; in a pipe it is all of them. */
const mostOnScreen = 8;

function show(results: Results, cards: Card[]): void {
  print(
    table(
      [head, ...rows(results)],
      (c, column, row) => (row === 0 ? paintOut.dim(c) : column === 0 ? paintOut.bold(c) : c),
      { head: true },
    ),
  );
  const width = printWidth();
  const most = Number.isFinite(width) ? mostOnScreen : width;
  for (const card of cards) print(`\n${cardText(card, { width, most, title: paintOut.bold })}`);
  const cut = cards.find((card) => changesOf(card).some(([, list]) => list.length > most));
  if (cut) say(`next: ${allPackagesWords(cut)}  names all packages`);
}

function json(results: Results, images: Card[]): void {
  const steps = results.map((r) => {
    const [stage, reference] = parts(r);
    const common = { stage, reference, state: r.state, seconds: Number(r.seconds.toFixed(3)) };
    if (r.state === "done") return { ...common, said: r.value.said, ...r.value.facts };
    if (r.state === "left") return { ...common, why: r.because };
    return { ...common, why: r.error.message, error: failureFacts(r.error) };
  });
  printJson({ steps, images });
}

/**
 * Prints what became of every stage and a card of each image that was released, and writes the notes.
 * @returns the exit code. @throws Failure for notes that cannot be written
 */
export function reportRelease(
  results: Results,
  { asJson, notes }: { asJson: boolean; notes: string | undefined },
): number {
  const cards = results.flatMap((r) => (r.state === "done" && r.value.card ? [r.value.card] : []));
  writeStepSummary(results, cards);
  if (asJson) json(results, cards);
  else if (!isStdout(notes)) show(results, cards);
  if (results.some((r) => r.state === "failed"))
    say("next: fix what failed, then run this again: finished steps are skipped");
  if (notes !== undefined && cards.length) writeNotes(notes, cards);
  else if (notes !== undefined) warn(`no image was released, so ${notes} was not written`);
  return exitCode(results);
}
