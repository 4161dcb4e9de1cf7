import type { Family, Target } from "../../family/family.ts";
import { recipeText } from "../../family/recipe.ts";
import type { Finding } from "../lint/finding.ts";
import { containerfileChecks } from "./checks.ts";
import { expandLines } from "./expand.ts";
import { parseContainerfile } from "./instructions.ts";
import { refuseOwn } from "./own.ts";

/** Looks at what podman would get for a target; a finding stands at the recipe's line that it comes from. */
export function lintContainerfile(target: Target, family: Family, lines = expandLines(target, family)): Finding[] {
  const subject = { target, family, ...parseContainerfile(lines) };
  refuseOwn(target, subject, family);
  const checks = containerfileChecks.filter(({ ofRecipes }) => !ofRecipes || !target.flavor.containerfile);
  return checks.flatMap(({ name: check, severity, sentence, find }) =>
    find(subject).map(({ at, what }) => ({
      check,
      severity,
      file: recipeText(family.root, target.flavor).file,
      ...(at ? { line: at.line, column: 1 } : {}),
      targets: [target.reference],
      message: what,
      next: sentence,
    })),
  );
}
