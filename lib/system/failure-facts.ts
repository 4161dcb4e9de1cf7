import { type ExitCode, exit, Failure } from "./errors.ts";
import { asTyped } from "./output.ts";

/** A failure as `--json` prints it. */
export interface FailureFacts {
  /** The exit code that it means. */
  code: ExitCode;
  message: string;
  tried: string[];
  choices: string[];
  /** Where in a file: `flavors/cosmic.yaml:12:5`; of several places the first. */
  place: string | null;
  log: string | null;
  next: string | null;
}

export function failureFacts(error: unknown): FailureFacts {
  if (!(error instanceof Failure)) {
    const message = error instanceof Error ? error.message : String(error);
    return {
      code: exit.failed,
      message: `a bug: ${message}`,
      tried: [],
      choices: [],
      place: null,
      log: null,
      next: null,
    };
  }
  const { tried = [], choices = [], place = null, log = null, next } = error.details;
  const typed = next === undefined ? null : asTyped(next);
  return {
    ...{ code: error.code, message: asTyped(error.message), tried: tried.map(asTyped), choices },
    ...{ place, log, next: typed },
  };
}
