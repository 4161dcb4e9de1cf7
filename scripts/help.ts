#!/usr/bin/env bun
import { help } from "../lib/cli/args.ts";
import { command } from "../lib/cli/command.ts";
import { commands } from "../lib/cli/commands.ts";
import { firstScreen } from "../lib/cli/first-screen.ts";
import { ownCommands } from "../lib/cli/own-commands.ts";
import { familyIfGood } from "../lib/family/manifest.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { didYouMean } from "../lib/system/nearest.ts";
import { print, printJson } from "../lib/system/output.ts";

await command("help", async (args) => {
  const all = [...commands, ...ownCommands()];
  const [word] = args.words;
  if (word === undefined && args.has("json"))
    return printJson({ commands: all.map(({ name, group, summary, example }) => ({ name, group, summary, example })) });
  if (word === undefined)
    return print(firstScreen((await familyIfGood())?.title ?? "Slipway", all, process.stdout.columns));
  const row = all.find((c) => c.name === word);
  const names = all.map((c) => c.name);
  if (!row)
    throw new Failure(exit.usage, `unknown command \`${word}\`${didYouMean(word, names)}`, {
      tried: [`the commands: ${names.join(" ")}`],
      next: "bun run help",
    });
  if (args.has("json")) printJson(row);
  else print(help(row));
});
