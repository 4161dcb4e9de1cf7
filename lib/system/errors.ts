/** What the exit code of every command means. */
export const exit = { done: 0, failed: 1, usage: 2, missing: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exit)[keyof typeof exit];

export interface FailureDetails {
  /** What was looked at or tried, one line each, in order. */
  tried?: string[];
  /** What there is to choose from, one line a kind: `the arches of toy: best plain`. */
  choices?: string[];
  /** What to do next, as a sentence or a command. */
  next?: string;
  /** A log with the whole story. */
  log?: string;
  /** Where in a file the cause is, as `file:line:column`; the message says it too. */
  place?: string;
}

/** An end that the user sees: what happened, what was tried, what to do next. Never a stack trace. */
export class Failure extends Error {
  readonly code: ExitCode;
  readonly details: FailureDetails;

  constructor(code: ExitCode, what: string, details: FailureDetails = {}) {
    super(what);
    this.code = code;
    this.details = details;
  }

  /** The lines that are shown, without colours. */
  lines(): string[] {
    const { tried = [], choices = [], next, log } = this.details;
    return [
      this.message,
      ...tried.map((line) => `  tried: ${line}`),
      ...choices.map((line) => `  ${line}`),
      ...(log ? [`  log: ${log}`] : []),
      ...(next ? [`  next: ${next}`] : []),
    ];
  }
}
