#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { defaultPushOptions, pushSteps } from "../lib/ship/push/push.ts";
import { pushCommands } from "../lib/ship/push/words.ts";
import { reportPush } from "../lib/ship/trust-report.ts";
import { print, printJson, say } from "../lib/system/output.ts";
import { runSteps } from "../lib/system/steps.ts";
import { keyBeforePush } from "../lib/trust/preflight.ts";

await command("push", async (args) => {
  const family = await loadFamily();
  const jobs = args.count("jobs", 2);
  const usual = defaultPushOptions(new Date());
  const options = {
    ...usual,
    force: args.has("force"),
    patience: { ...usual.patience, attempts: args.count("attempts", usual.patience.attempts) },
  };
  const targets = await askForTargets(family, args.words, args.has("yes"), "push");
  if (args.has("dry-run")) {
    const shown = targets.map((t) => ({ reference: t.reference, commands: pushCommands(t, family, options) }));
    if (args.has("json")) return printJson({ targets: shown });
    return print(shown.flatMap((t) => [`# ${t.reference}`, ...t.commands]).join("\n"));
  }
  const note = await keyBeforePush(family);
  if (note) say(`note: ${note}`);
  return reportPush(await runSteps(pushSteps(targets, family, options), jobs), args.has("json"));
});
