#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTarget } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { print, printJson } from "../lib/system/output.ts";
import { boot } from "../lib/vm/boot.ts";
import { diskWish, machineWish } from "../lib/vm/options.ts";

await command("boot-vm", async (args) => {
  const [disk, machine] = [diskWish(args), machineWish(args)];
  const target = await askForTarget(await loadFamily(), args.words, args.has("yes"));
  return boot(target, disk, machine, (booted) => (args.has("json") ? printJson(booted) : print(booted.name)));
});
