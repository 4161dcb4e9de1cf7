import type { StepResult } from "../../system/steps.ts";
import type { Smoked } from "./smoke.ts";

/** Text for XML; characters that XML cannot hold at all are left out. Source: XML 1.0, "Characters". */
function text(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be removed
  const holdable = value.replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "");
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return holdable.replaceAll(/[&<>"]/g, (c) => names[c] ?? c);
}

interface Case {
  name: string;
  kind: string;
  failure?: { message: string; more: string };
}

function cases(result: StepResult<Smoked>): Case[] {
  if (result.state === "failed")
    return [
      {
        kind: "boot",
        name: "boots",
        failure: { message: result.error.message, more: result.error.lines().join("\n") },
      },
    ];
  if (result.state === "left") return [{ kind: "boot", name: "boots", failure: { message: result.because, more: "" } }];
  return [
    { kind: "boot", name: "boots" },
    ...result.value.checks.map(({ kind, subject, wrong, journal }) => ({
      kind,
      name: subject,
      ...(wrong === undefined ? {} : { failure: { message: wrong, more: journal.join("\n") } }),
    })),
  ];
}

/** The results as JUnit's XML, a suite a target, in the form that CI systems read. */
export function junit(results: StepResult<Smoked>[]): string {
  const suites = results.map((result) => {
    const all = cases(result);
    const failures = all.filter((c) => c.failure).length;
    const rows = all.map(({ name, kind, failure }) => {
      const head = `    <testcase classname="${text(kind)}" name="${text(name)}"`;
      if (!failure) return `${head}/>`;
      return `${head}>\n      <failure message="${text(failure.message)}">${text(failure.more)}</failure>\n    </testcase>`;
    });
    const about = `name="${text(result.id)}" tests="${all.length}" failures="${failures}" time="${result.seconds.toFixed(3)}"`;
    return [`  <testsuite ${about}>`, ...rows, "  </testsuite>"].join("\n");
  });
  return ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", ...suites, "</testsuites>", ""].join("\n");
}
