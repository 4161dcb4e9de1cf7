import { exit, Failure } from "../system/errors.ts";
import { change, commandLine } from "../system/shell.ts";
import { type Change, systemLost } from "./kargs.ts";
import type { Configured } from "./kargs-entries.ts";
import { applyWords, runningArguments, type Tool, toolForApplying } from "./kargs-host.ts";
import { asRoot } from "./root.ts";

/** @throws Failure if the list is another system's, or the machine would not find this system with it */
function refuseUnbootable(tool: Tool, { words, doubt }: Configured, wanted: Change): void {
  if (tool === "ostree" && doubt)
    throw new Failure(exit.failed, `the kernel arguments were not changed: ${doubt.why}`, {
      tried: ["the boot loader's entries, against the deployment that bootc says is booted"],
      next: doubt.next,
    });
  const lost = systemLost(runningArguments(), words, wanted);
  if (lost === undefined) return;
  throw new Failure(exit.failed, "the kernel arguments were not changed: the machine might not boot with them", {
    tried: [lost],
    next: "take root= and ostree= out of the image's kargs.d; they are the machine's own",
  });
}

/**
 * Gives the next boot what is wanted.
 * @returns the command line
 * @throws Failure where the machine might not boot then, and with what the tool said
 */
export async function applyDifference(configured: Configured, wanted: Change, dryRun: boolean): Promise<string> {
  const tool = await toolForApplying();
  refuseUnbootable(tool, configured, wanted);
  const words = asRoot(applyWords(tool, configured.words, wanted));
  const outcome = await change(words, { dryRun });
  if (outcome.code === 0) return commandLine(words);
  throw new Failure(exit.failed, `the kernel arguments were not changed (exit code ${outcome.code})`, {
    tried: outcome.said.trim().split("\n").slice(-3),
    next: "the next boot is unchanged; correct that, then run this again",
  });
}
