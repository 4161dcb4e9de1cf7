import { foreignCpu } from "../family/arch.ts";
import type { Target } from "../family/family.ts";
import { notice } from "../system/notice.ts";
import type { StepResult } from "../system/steps.ts";

/**
 * The targets of an arch that this CPU cannot run, left out because the caller asked for it: a runner of CI is what it gets.
 * @param skip without it such a target is refused. @param id of a target's row in the report
 * @returns a result for each target, none of them a failure; undefined where this CPU runs them all
 * @throws Failure naming the flags that are missing, if nobody asked for a skip
 */
export function leftOut(
  targets: Target[],
  skip: boolean,
  id: (reference: string) => string,
): Extract<StepResult, { state: "left" }>[] | undefined {
  const failure = foreignCpu(targets);
  if (!failure) return undefined;
  if (!skip) throw failure;
  const names = [...new Set(targets.map(({ arch }) => arch.name))].join(" ");
  const because = [failure.message, ...(failure.details.tried ?? [])].join("; ");
  notice(`${names} was not built`, `${because}; left out, as --skip-unable asks`);
  return targets.map(({ reference }) => ({
    ...{ id: id(reference), title: id(reference), seconds: 0 },
    ...{ state: "left", because: failure.message },
  }));
}
