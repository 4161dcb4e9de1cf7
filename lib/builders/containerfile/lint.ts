import type { Family, Target } from "../../family/family.ts";
import type { Finding } from "../lint/finding.ts";
import { containerfileChecks } from "./checks.ts";
import { expandLines, recipePath } from "./expand.ts";
import { parseContainerfile } from "./instructions.ts";

/** Looks at what podman would get for a target; a finding stands at the recipe's line that it comes from. */
export function lintContainerfile(target: Target, family: Family, lines = expandLines(target, family)): Finding[] {
  const subject = { target, family, ...parseContainerfile(lines) };
  return containerfileChecks.flatMap(({ name: check, severity, sentence, find }) =>
    find(subject).map(({ at, what }) => ({
      check,
      severity,
      file: recipePath(target, family),
      ...(at ? { line: at.line, column: 1 } : {}),
      targets: [target.reference],
      message: what,
      next: sentence,
    })),
  );
}
