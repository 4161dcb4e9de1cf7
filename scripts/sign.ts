#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { patient } from "../lib/ship/retry.ts";
import { signCommands, signSteps } from "../lib/ship/sign.ts";
import { reportSign } from "../lib/ship/trust-report.ts";
import { print, printJson } from "../lib/system/output.ts";
import { runSteps } from "../lib/system/steps.ts";
import { checkKey, oldFormFlags } from "../lib/trust/cosign.ts";
import { signingKey } from "../lib/trust/key.ts";

await command("sign", async (args) => {
  const family = await loadFamily();
  const jobs = args.count("jobs", 2);
  const patience = { ...patient, attempts: args.count("attempts", patient.attempts) };
  const targets = await askForTargets(family, args.words, args.has("yes"), "sign");
  if (args.has("dry-run")) {
    const flags = await oldFormFlags();
    const shown = targets.map((t) => ({ reference: t.reference, commands: signCommands(t, family, flags) }));
    if (args.has("json")) return printJson({ targets: shown });
    return print(shown.flatMap((t) => [`# ${t.reference}`, ...t.commands]).join("\n"));
  }
  const key = await signingKey(family);
  await checkKey(family, key);
  return reportSign(await runSteps(signSteps(targets, family, key, patience), jobs), args.has("json"));
});
