#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { confirm } from "../lib/cli/prompts.ts";
import { askForTarget } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { allowedBy } from "../lib/host/old-image.ts";
import { asRoot } from "../lib/host/root.ts";
import { switchTo } from "../lib/host/switch.ts";
import { exit } from "../lib/system/errors.ts";
import { print, printJson, say } from "../lib/system/output.ts";
import { commandLine, run } from "../lib/system/shell.ts";

await command("switch", async (args) => {
  const family = await loadFamily();
  const target = await askForTarget(family, args.words, args.has("yes"));
  const dryRun = args.has("dry-run");
  const result = await switchTo(target, family, {
    local: args.has("local"),
    force: args.has("force"),
    guard: !args.has("no-guard"),
    health: args.value("health"),
    allow: allowedBy((option) => args.has(option)),
    dryRun,
  });
  const staged = result.state.startsWith("staged");
  const reboot = asRoot(["systemctl", "reboot"]);
  if (args.has("json")) printJson(result);
  else print(`${result.reference}: ${result.state}`);
  if (dryRun || !staged) return exit.done;
  const now = args.has("reboot") || (!args.has("yes") && (await confirm("Reboot into it now?", false)));
  if (!now) say(`next: ${commandLine(reboot)}`);
  return now ? (await run(reboot)).code : exit.done;
});
