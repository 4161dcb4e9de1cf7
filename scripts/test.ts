#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { chooseTests, leftOut } from "../lib/dev/choose.ts";
import { runTests } from "../lib/dev/run-tests.ts";
import { rememberRun } from "../lib/dev/times.ts";
import { showTimes } from "../lib/dev/times-tree.ts";
import { exit } from "../lib/system/errors.ts";
import { print, say, warn } from "../lib/system/output.ts";

await command("test", async (args) => {
  if (args.has("times")) return showTimes(args.has("write"));
  const chosen = await chooseTests(args);
  for (const line of chosen.because) say(line);
  if (chosen.files.length === 0) return exit.done;
  const run = await runTests(chosen.files, { jobs: chosen.jobs, bail: args.has("bail") });
  rememberRun(run);
  const sum = (what: "passed" | "failed" | "skipped") => run.files.reduce((all, file) => all + file[what], 0);
  for (const failure of run.files.flatMap((file) => file.failures)) warn(`failed: ${failure}`);
  const left = leftOut(args, chosen.files);
  if (left) say(left);
  print(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  return sum("failed") > 0 || sum("passed") === 0 ? exit.failed : exit.done;
});
