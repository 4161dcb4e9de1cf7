#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTarget } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { exit } from "../lib/system/errors.ts";
import { failureFacts } from "../lib/system/failure-facts.ts";
import { print, printJson } from "../lib/system/output.ts";
import { exitCode, runSteps } from "../lib/system/steps.ts";
import { showDiskPlan } from "../lib/vm/disk/dry-run.ts";
import { diskOf } from "../lib/vm/disk/of-target.ts";
import { diskWish } from "../lib/vm/options.ts";

await command("disk", async (args) => {
  const wish = diskWish(args);
  const target = await askForTarget(await loadFamily(), args.words, args.has("yes"));
  if (args.has("dry-run")) return showDiskPlan(target, wish);
  const title = `disk of ${target.reference}`;
  const step = { id: "disk", title, after: [], run: diskOf.bind(undefined, target, wish) };
  const results = await runSteps([step], 1);
  const [result] = results;
  if (result?.state === "failed" && args.has("json")) printJson({ error: failureFacts(result.error) });
  if (result?.state !== "done") return exitCode(results);
  if (args.has("json")) printJson({ ...result.value, seconds: Number(result.seconds.toFixed(3)) });
  else print(result.value.path);
  return exit.done;
});
