#!/usr/bin/env bun
import { buildSteps, containerfileOf, planBuild } from "../lib/build/build.ts";
import { ensureContext } from "../lib/build/context.ts";
import { origin } from "../lib/build/epoch.ts";
import { expand } from "../lib/build/expand.ts";
import { givenArgs } from "../lib/build/given-args.ts";
import { baseObstacles } from "../lib/build/obstacle.ts";
import { report, showPlans } from "../lib/build/report.ts";
import { command } from "../lib/cli/command.ts";
import { print } from "../lib/cli/output.ts";
import { runSteps } from "../lib/cli/steps.ts";
import { refuseForeignCpu } from "../lib/family/arch.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { localImages } from "../lib/image/storage.ts";

await command("build", async (args) => {
  const family = await loadFamily();
  const jobs = args.count("jobs", 2);
  const targets = await askForTargets(family, args.words, args.has("yes"), "build", baseObstacles(family));
  if (args.has("print")) {
    for (const t of targets) await ensureContext(expand(t, family), family);
    return print(targets.map((t) => containerfileOf(t, family, givenArgs(expand(t, family), family))).join("\n"));
  }
  const options = { force: args.has("force"), refresh: args.has("refresh"), noCache: args.has("no-cache") };
  if (args.has("dry-run")) {
    const [from, images] = await Promise.all([origin(), localImages()]);
    return showPlans(await planBuild(targets, family, images, options, from), family, args.has("json"));
  }
  if (!options.force) refuseForeignCpu(targets);
  const results = await runSteps(buildSteps(targets, family, options, await origin()), jobs);
  return report(results, args.has("json"));
});
