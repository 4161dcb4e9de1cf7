#!/usr/bin/env bun
import { builderOf } from "../lib/builders/all.ts";
import { buildSteps, planBuild } from "../lib/builders/build.ts";
import { origin } from "../lib/builders/epoch.ts";
import { baseObstacles } from "../lib/builders/obstacle.ts";
import { report, showPlans } from "../lib/builders/report.ts";
import { leftOut } from "../lib/builders/unable.ts";
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { localImages } from "../lib/oci/storage.ts";
import { print } from "../lib/system/output.ts";
import { runSteps } from "../lib/system/steps.ts";

await command("build", async (args) => {
  const family = await loadFamily();
  const jobs = args.count("jobs", 2);
  const targets = await askForTargets(family, args.words, args.has("yes"), "build", baseObstacles(family));
  if (args.has("print")) {
    for (const target of targets) await builderOf(target).prepare(target, family);
    return print(targets.map((target) => builderOf(target).print(target, family)).join("\n"));
  }
  const options = { force: args.has("force"), refresh: args.has("refresh"), noCache: args.has("no-cache") };
  if (args.has("dry-run")) {
    const [from, images] = await Promise.all([origin(), localImages()]);
    return showPlans(await planBuild(targets, family, images, options, from), family, args.has("json"));
  }
  const unable = options.force ? undefined : leftOut(targets, args.has("skip-unable"), (reference) => reference);
  if (unable) return report(unable, args.has("json"));
  const results = await runSteps(buildSteps(targets, family, options, await origin()), jobs);
  return report(results, args.has("json"));
});
