#!/usr/bin/env bun
import { help } from "../lib/cli/args.ts";
import { command } from "../lib/cli/command.ts";
import { commands } from "../lib/cli/commands.ts";
import { exit, Failure } from "../lib/cli/errors.ts";
import { firstScreen } from "../lib/cli/first-screen.ts";
import { didYouMean } from "../lib/cli/nearest.ts";
import { print, printJson } from "../lib/cli/output.ts";
import { ownCommands } from "../lib/cli/own-commands.ts";
import { familyIfGood } from "../lib/family/if-good.ts";

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
