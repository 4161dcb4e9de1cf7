#!/usr/bin/env bun
import { buildSteps, toldBuilds } from "../lib/builders/build.ts";
import { origin } from "../lib/builders/epoch.ts";
import { leftOut } from "../lib/builders/unable.ts";
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { withAll } from "../lib/family/target.ts";
import { parseBudget } from "../lib/ship/delta.ts";
import { defaultPushOptions } from "../lib/ship/push/push.ts";
import { showRelease } from "../lib/ship/release/dry-run.ts";
import { notesFile } from "../lib/ship/release/notes.ts";
import { releaseSteps } from "../lib/ship/release/release.ts";
import { reportRelease } from "../lib/ship/release/report.ts";
import { runSteps } from "../lib/system/steps.ts";
import { checkKey } from "../lib/trust/cosign.ts";
import { signingKey } from "../lib/trust/key.ts";
import { thenSmoke } from "../lib/vm/smoke/smoke.ts";

await command("release", async (args) => {
  const family = await loadFamily();
  const jobs = args.count("jobs", 2);
  const notes = notesFile(args.value("notes"), { ships: !args.has("no-push"), json: args.has("json") });
  const targets = await askForTargets(family, withAll(family, args.words), args.has("yes"), "release");
  const unable = args.has("force") ? undefined : leftOut(targets, args.has("skip-unable"), (name) => `build ${name}`);
  if (unable) return reportRelease(unable, { asJson: args.has("json"), notes });
  const usual = defaultPushOptions(new Date());
  const push = { ...usual, patience: { ...usual.patience, attempts: args.count("attempts", usual.patience.attempts) } };
  const budget = parseBudget(args.value("budget"));
  // With --no-push too: CI builds so, and publishes what it built in a step of its own.
  const options = { force: false, refresh: args.has("refresh"), noCache: args.has("no-cache"), dated: true };
  const built = toldBuilds(buildSteps(targets, family, options, await origin()));
  const builds = args.has("smoke") ? thenSmoke(built, targets) : built;
  if (args.has("dry-run")) return showRelease(targets, builds, family, push, !args.has("no-push"), args.has("json"));
  const key = args.has("no-push") ? undefined : await signingKey(family);
  if (key) await checkKey(family, key);
  const steps = releaseSteps(targets, builds, family, { ship: key && { key, push }, budget });
  return reportRelease(await runSteps(steps, jobs), { asJson: args.has("json"), notes });
});
