#!/usr/bin/env bun
import { buildSteps } from "../lib/builders/build.ts";
import { origin } from "../lib/builders/epoch.ts";
import { command } from "../lib/cli/command.ts";
import { refuseForeignCpu } from "../lib/family/arch.ts";
import { askForTarget } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { print } from "../lib/system/output.ts";
import { exitCode, runSteps } from "../lib/system/steps.ts";
import { boot } from "../lib/vm/boot.ts";
import { diskWish, machineWish } from "../lib/vm/options.ts";

await command("try", async (args) => {
  const [disk, machine] = [diskWish(args), machineWish(args)];
  const family = await loadFamily();
  // whoever only wants to see it is asked nothing
  const target = await askForTarget(family, args.words, args.has("yes") || args.words.length === 0);
  refuseForeignCpu([target]);
  const options = { force: false, refresh: false, noCache: false };
  const built = await runSteps(buildSteps([target], family, options, await origin()), 1);
  if (built.some((step) => step.state !== "done")) return exitCode(built);
  return boot(target, disk, { ...machine, autologin: true }, ({ name }) => print(name));
});
