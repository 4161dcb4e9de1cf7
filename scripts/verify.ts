#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { withAll } from "../lib/family/target.ts";
import { reportVerify } from "../lib/ship/trust-report.ts";
import { verifySteps } from "../lib/ship/verify.ts";
import { runSteps } from "../lib/system/steps.ts";
import { workFolder } from "../lib/system/work-folder.ts";

await command("verify", async (args) => {
  const family = await loadFamily();
  const jobs = args.count("jobs", 4);
  const targets = await askForTargets(family, withAll(family, args.words), args.has("yes"), "verify");
  const work = workFolder();
  try {
    return reportVerify(await runSteps(verifySteps(targets, family, work.path), jobs), args.has("json"));
  } finally {
    work.remove();
  }
});
