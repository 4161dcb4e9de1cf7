/** What Bun's JUnit report says of a test file. */

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** The failed ones: `tests/unit/args.test.ts:12 what it is about`. */
  failures: string[];
}

const entities: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&", "#10": " " };

/** @param xml the report of one file; empty where there is none. */
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

/**
 * The part of Bun's output that belongs to each failed test: the code, what was expected, what came.
 * @returns lines, the mark `(fail) NAME` last; what no test owns (a file that does not load) as a whole.
 */
export function failedParts(output: string): string[] {
  const parts: string[] = [];
  let lines: string[] = [];
  for (const line of output.split("\n")) {
    lines.push(line);
    if (!/^\((pass|fail|skip|todo)\) /.test(line)) continue;
    if (line.startsWith("(fail)")) parts.push(lines.join("\n").trimStart());
    lines = [];
  }
  return parts.length ? parts : [output.trim()];
}
