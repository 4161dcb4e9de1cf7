#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { runSteps } from "../lib/system/steps.ts";
import { reportSmoke } from "../lib/vm/smoke/report.ts";
import { smokeSteps } from "../lib/vm/smoke/smoke.ts";

await command("smoke", async (args) => {
  const [jobs, patience] = [args.count("jobs", 1), args.count("patience", 300)];
  const targets = await askForTargets(await loadFamily(), args.words, args.has("yes"), "smoke");
  const results = await runSteps(smokeSteps(targets, { patience }), jobs);
  return reportSmoke(results, args.has("json"), args.value("junit"));
});
