#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { canAsk, confirm } from "../lib/cli/prompts.ts";
import { familyIfGood } from "../lib/family/manifest.ts";
import { clean, planCleaning, showCleaning } from "../lib/oci/clean.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { bytes, print, printJson, say } from "../lib/system/output.ts";

await command("clean", async (args) => {
  const [all, cache, json, dry, yes] = ["all", "cache", "json", "dry-run", "yes"].map((name) => args.has(name));
  const family = await familyIfGood();
  const plan = await planCleaning(family ? [`${family.registry}/${family.prefix}-`] : [], all === true, cache === true);
  const shown = showCleaning(plan);
  if (!json)
    print(shown ?? `Nothing to remove.${all ? "" : " (--all looks at images too, --cache at ~/.cache/slipway)"}`);
  if (shown !== undefined && !dry && !yes && !canAsk)
    throw new Failure(exit.usage, "clean asks before it removes anything, and there is no terminal to ask", {
      next: `bun run clean${all ? " --all" : ""}${cache ? " --cache" : ""} --yes`,
    });
  const agreed = shown !== undefined && !dry && (yes || (await confirm("Remove this?", false)));
  if (agreed) await clean(plan);
  if (json) printJson({ removed: agreed, ...plan });
  else if (agreed) print(`removed ${bytes(plan.bytes)}`);
  else if (shown !== undefined && !dry) say("nothing was removed");
});
