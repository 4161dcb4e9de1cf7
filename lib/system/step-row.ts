import { failureFacts } from "./failure-facts.ts";
import type { StepResult } from "./steps.ts";

/**
 * A step's result as `--json` prints it.
 * @param done what is printed of a step that ended well
 */
export function stepRow<T>(result: StepResult<T>, done: (value: T) => object): object {
  const common = { reference: result.id, seconds: Number(result.seconds.toFixed(3)) };
  if (result.state === "done") return { ...common, ...done(result.value) };
  if (result.state === "left") return { ...common, state: "left", why: result.because };
  const { error } = result;
  return { ...common, state: "failed", why: error.message, log: error.details.log, error: failureFacts(error) };
}
