import { Failure } from "../../system/errors.ts";
import type { Progress, Step } from "../../system/steps.ts";

/** An error fails the run; a warning and a note do not. */
export type Severity = "error" | "warning" | "note";

/** Something that a check found. */
export interface Finding {
  check: string;
  severity: Severity;
  /** From the project's root; absent for what is no file of the project. */
  file?: string;
  /** 1-based. */
  line?: number;
  column?: number;
  /** Images that it is about. */
  targets?: string[];
  message: string;
  next?: string;
}

/** What a check came to. A check that could not do its work ends as a failed step, which is no finding. */
export type Outcome = { findings: Finding[] } | { skipped: string };

/** A titled check; it waits for no other. */
export function checkStep(id: string, title: string, run: (progress: Progress) => Promise<Outcome>): Step<Outcome> {
  return { id, title, after: [], run };
}

/** A check whose tool said something that is not understood. */
export function crash(code: 1 | 3, what: string, said: string): Failure {
  return new Failure(code, what, { tried: said.trim().split("\n").slice(-5) });
}
