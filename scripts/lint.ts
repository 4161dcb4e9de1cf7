#!/usr/bin/env bun
import { planLint } from "../lib/builders/lint/lint.ts";
import { listChecks, showChecks } from "../lib/builders/lint/list.ts";
import { report, reportMistakes } from "../lib/builders/lint/report.ts";
import { command } from "../lib/cli/command.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { ManifestFailure } from "../lib/family/mistakes.ts";
import { allTargets, findArch, findTargets, withArch } from "../lib/family/target.ts";
import { localImages } from "../lib/oci/storage.ts";
import { print, printJson } from "../lib/system/output.ts";
import { runSteps } from "../lib/system/steps.ts";
import { smokeChecks } from "../lib/vm/smoke/checks.ts";

await command("lint", async (args) => {
  const json = args.has("json");
  if (args.has("list")) {
    const checks = listChecks(smokeChecks);
    return json ? printJson({ checks }) : print(showChecks(checks));
  }
  try {
    const family = await loadFamily();
    const [arch, flavor] = withArch(family, args.words);
    const targets = arch
      ? findTargets(family, findArch(family, arch, "lint"), [flavor ?? "all"], "lint")
      : allTargets(family);
    // Without podman all the rest can still be checked.
    const images = await localImages().catch(() => undefined);
    const { steps, skipped } = planLint(targets, family, images);
    return report(await runSteps(steps, 2), skipped, json);
  } catch (error) {
    if (json && error instanceof ManifestFailure) return reportMistakes(error.mistakes);
    throw error;
  }
});
