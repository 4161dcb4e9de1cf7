import { failureFacts } from "../../system/failure-facts.ts";
import { bytes, paintOut, print, printJson, say, seconds, table } from "../../system/output.ts";
import { exitCode, type StepResult } from "../../system/steps.ts";
import type { Done } from "./target.ts";

function facts(done: Done): object {
  return {
    digest: done.digest,
    id: done.id,
    folder: done.folder,
    previous: done.previous,
    components: done.components.length,
    kept: done.layers.filter((l) => l.kept).length,
    size: done.layers.reduce((sum, l) => sum + l.size, 0),
    input: done.input,
    seconds: Number(done.seconds.toFixed(3)),
    layers: done.layers.map(({ digest, diffId, size, kept, components }) => ({
      digest,
      diffId,
      size,
      kept,
      components,
    })),
  };
}

function row(done: Done): string[] {
  const kept = done.layers.filter((l) => l.kept).length;
  const fresh = done.layers.filter((l) => !l.kept).reduce((sum, l) => sum + l.size, 0);
  return [
    done.name,
    `${kept} of ${done.layers.length} layers kept`,
    `${bytes(fresh)} new`,
    `${done.components.length} components`,
    seconds(done.seconds),
    `plan from ${done.previous}`,
  ];
}

/** @returns the exit code. */
export function reportRechunk(results: StepResult<Done>[], json: boolean): number {
  const failed = results.some((r) => r.state !== "done");
  if (json)
    printJson({
      targets: results.map((r) => ({
        reference: r.id,
        state: r.state,
        ...(r.state === "done"
          ? facts(r.value)
          : r.state === "failed"
            ? { why: r.error.message, error: failureFacts(r.error) }
            : { why: r.because }),
      })),
    });
  else {
    const rows = results.flatMap((r) => (r.state === "done" ? [row(r.value)] : []));
    if (rows.length)
      print(table(rows, (cell, column) => (column === 0 ? paintOut.bold(cell) : cell), { spare: [3, 4] }));
    const last = results.findLast((r) => r.state === "done");
    if (last && !failed) say("next: bun run push    or look at it: bun run delta PREVIOUS NEW");
  }
  return exitCode(results);
}
