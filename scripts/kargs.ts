#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTarget } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { compare, difference, ownConsole } from "../lib/host/kargs.ts";
import { applyDifference } from "../lib/host/kargs-apply.ts";
import {
  argumentsOf,
  bootedArguments,
  configuredArguments,
  ownArguments,
  runningArguments,
} from "../lib/host/kargs-host.ts";
import { reportKargs } from "../lib/host/kargs-report.ts";
import { commandLine } from "../lib/system/shell.ts";

await command("kargs", async (args) => {
  const { words } = args;
  const reference = words.length
    ? (await askForTarget(await loadFamily(), words, args.has("yes"))).reference
    : undefined;
  const image = reference === undefined ? ownArguments() : await argumentsOf(reference);
  const configured = await configuredArguments();
  const lists = { image, before: bootedArguments(), running: runningArguments(), configured: configured.words };
  const rows = compare(lists);
  const changes = difference(rows);
  const dryRun = args.has("dry-run");
  const differs = changes.add.length + changes.drop.length > 0;
  const line =
    differs && args.has("apply")
      ? await applyDifference(configured, { ...changes, last: ownConsole(lists, changes) }, dryRun)
      : undefined;
  const again = commandLine(["bun", "run", "kargs", ...words, "--apply"]);
  reportKargs({ reference, rows, changes, command: line, dryRun, again }, args.has("json"));
});
