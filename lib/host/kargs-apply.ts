import { exit, Failure } from "../cli/errors.ts";
import { change, commandLine } from "../cli/shell.ts";
import type { Difference } from "./kargs.ts";
import { applyWords, toolForApplying } from "./kargs-host.ts";
import { asRoot } from "./root.ts";

/** Gives the next boot what is wanted. @returns the command line @throws Failure with what the tool said */
export async function applyDifference(configured: string[], wanted: Difference, dryRun: boolean): Promise<string> {
  const words = asRoot(applyWords(await toolForApplying(), configured, wanted));
  const outcome = await change(words, { dryRun });
  if (outcome.code === 0) return commandLine(words);
  throw new Failure(exit.failed, `the kernel arguments were not changed (exit code ${outcome.code})`, {
    tried: outcome.said.trim().split("\n").slice(-3),
    next: "the next boot is as it was; mend that, and run this again",
  });
}
