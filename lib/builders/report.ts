import type { Family, Target } from "../family/family.ts";
import { bytes, paintOut, print, printJson, say, seconds, table } from "../system/output.ts";
import { commandLine } from "../system/shell.ts";
import { stepRow } from "../system/step-row.ts";
import { exitCode, type StepResult } from "../system/steps.ts";
import { podmanEnv } from "../tools/podman.ts";
import { type Built, type Plan, planCommands } from "./build.ts";

function facts({ target, action, why, id, layers, size }: Built): object {
  return { arch: target.arch.name, flavor: target.flavor.name, state: action, why, id, layers, size };
}

/**
 * Pure: how to look at an image: in a container, or in a virtual machine where podman would need settings of ours, which make a
 * line too long to type.
 */
export function lookAt({ arch, flavor, reference }: Target, podmanSettings: Record<string, string>): string {
  if (Object.keys(podmanSettings).length) return `boot it: bun run try ${arch.name} ${flavor.name}`;
  return `look inside: ${commandLine(["podman", "run", "--rm", "-it", reference, "bash"])}`;
}

/** Prints what became of every target and what to do next; returns the exit code. */
export async function report(results: StepResult<Built>[], json: boolean): Promise<number> {
  const whyNot = (r: StepResult<Built>) => (r.state === "left" ? r.because : "");
  if (json) {
    printJson({ targets: results.map((r) => stepRow(r, facts)) });
  } else {
    const rows = results.map((r) =>
      r.state === "done"
        ? [
            r.id,
            r.value.action,
            r.value.id.slice(0, 12),
            bytes(r.value.size),
            `${r.value.layers} layers`,
            seconds(r.seconds),
            r.value.why,
          ]
        : [r.id, r.state === "failed" ? "failed" : "left out", "", "", "", seconds(r.seconds), whyNot(r)],
    );
    print(table(rows, (cell, column) => (column === 0 ? paintOut.bold(cell) : cell), { spare: [2, 4, 5] }));
    const done = results.findLast((r) => r.state === "done");
    if (done && results.every((r) => r.state === "done"))
      say(`next: bun run lint    or ${lookAt(done.value.target, await podmanEnv())}`);
  }
  return exitCode(results);
}

/** A dry run: for every target what would be done, why, and with which commands. */
export async function showPlans(plans: Plan[], family: Family, json: boolean): Promise<void> {
  const targets = await Promise.all(
    plans.map(async (plan) => ({
      reference: plan.target.reference,
      state: plan.build ? "would build" : "would skip",
      why: plan.why,
      commands: await planCommands(plan, family),
    })),
  );
  if (json) return printJson({ targets });
  for (const t of targets) print([`# ${t.reference}: ${t.state}, ${t.why}`, ...t.commands].join("\n"));
}
