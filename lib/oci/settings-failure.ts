import { exit, Failure, type FailureDetails } from "../system/errors.ts";

/**
 * Settings of this machine keep an image away: a file that is wrong, a registry that is blocked, a program that gives no login.
 * No answer of a registry is one, so the user can correct it, and must hear of it.
 */
export class SettingsFailure extends Failure {
  constructor(what: string, details: FailureDetails & { next: string }) {
    super(exit.failed, what, details);
  }
}
