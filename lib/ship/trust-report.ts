import { failureFacts } from "../system/failure-facts.ts";
import { bytes, paintOut, print, printJson, say, seconds, table } from "../system/output.ts";
import { exitCode, type StepResult } from "../system/steps.ts";
import type { PushOutcome } from "./push/push.ts";
import type { SignOutcome } from "./sign.ts";
import { checkNames, NotVerified, type VerifyOutcome } from "./verify.ts";

/** What push, sign and verify print when they have ended. Each function returns the exit code. */

const bold = (cell: string, column: number) => (column === 0 ? paintOut.bold(cell) : cell);

/** What a step that did not come to its end is in JSON; its id is a verb and a reference. */
function unfinished<T>(result: StepResult<T>): object {
  const reference = result.id.split(" ").at(-1);
  if (result.state === "failed") {
    const { tried = [], log } = result.error.details;
    return { reference, state: "failed", why: result.error.message, tried, log, error: failureFacts(result.error) };
  }
  return { reference, state: "left", why: result.state === "left" ? result.because : "" };
}

/** Rows for those that are done, and what to do next if all are. */
function report<T>(
  results: StepResult<T>[],
  json: boolean,
  as: { json: (value: T) => object; row: (value: T) => string[]; next: (last: T) => string },
): number {
  const failed = results.some((r) => r.state !== "done");
  if (json)
    printJson({
      targets: results.map((r) =>
        r.state === "done" ? { ...as.json(r.value), seconds: Number(r.seconds.toFixed(3)) } : unfinished(r),
      ),
    });
  else {
    const rows = results.flatMap((r) => (r.state === "done" ? [[...as.row(r.value), seconds(r.seconds)]] : []));
    if (rows.length) print(table(rows, bold));
    const last = results.findLast((r) => r.state === "done");
    if (!failed && last?.state === "done") say(`next: ${as.next(last.value)}`);
  }
  return exitCode(results);
}

const words = ({ arch, flavor }: PushOutcome["target"]) => `${arch.name} ${flavor.name}`;

export function reportPush(results: StepResult<PushOutcome>[], json: boolean): number {
  return report(results, json, {
    json: ({ target, action, repository, digest, tags, image, layers, bytes: size }) => ({
      ...{ reference: target.reference, state: action, repository, digest, tags, image, layers, bytes: size },
    }),
    row: ({ target, action, digest, tags, layers, bytes: size }) => [
      ...[target.reference, action, digest.slice(0, 19), `${layers} layers`, bytes(size), tags.join(" ")],
    ],
    next: ({ target }) => `bun run sign ${words(target)}`,
  });
}

export function reportSign(results: StepResult<SignOutcome>[], json: boolean): number {
  return report(results, json, {
    json: ({ target, action, image }) => ({ reference: target.reference, state: action, image }),
    row: ({ target, action, image }) => [target.reference, action, image.split("@")[1]?.slice(0, 19) ?? ""],
    next: ({ target }) => `bun run verify ${words(target)}`,
  });
}

const marks = { good: "✓", bad: "✗", left: "–" };

/** What was looked at, whether it was good or not. */
function outcomeOf(result: StepResult<VerifyOutcome>): VerifyOutcome | undefined {
  if (result.state === "done") return result.value;
  return result.state === "failed" && result.error instanceof NotVerified ? result.error.outcome : undefined;
}

/** One line a target; what is wrong was told by its step. */
export function reportVerify(results: StepResult<VerifyOutcome>[], json: boolean): number {
  const rows = results.map((result) => {
    const outcome = outcomeOf(result);
    const reference = outcome?.target.reference ?? result.id.split(" ").at(-1) ?? "";
    const states = checkNames.map((name) => outcome?.checks.find((c) => c.name === name)?.state ?? "left");
    return [reference, outcome?.digest?.slice(0, 19) ?? "–", ...states.map((state) => marks[state])];
  });
  if (json)
    printJson({
      targets: results.map((result) => {
        const outcome = outcomeOf(result);
        if (!outcome) return unfinished(result);
        const { target, digest = null, checks } = outcome;
        return { reference: target.reference, state: result.state === "done" ? "verified" : "refused", digest, checks };
      }),
    });
  else print(table([["image", "digest", ...checkNames], ...rows], bold, { spare: [1] }));
  return exitCode(results);
}
