#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { complete } from "../lib/cli/completions.ts";
import { shells } from "../lib/cli/shells.ts";
import { wordsOf } from "../lib/family/completion-words.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { didYouMean } from "../lib/system/nearest.ts";
import { print } from "../lib/system/output.ts";

await command("completions", async (args) => {
  const line = args.value("line");
  if (line !== undefined) {
    const found = await complete(line, wordsOf);
    if (found.length) print(found.map(({ word, summary }) => `${word}\t${summary}`).join("\n"));
    return;
  }
  const [name] = args.words;
  const names = Object.keys(shells);
  const text = name === undefined ? undefined : shells[name];
  if (text === undefined)
    throw new Failure(
      exit.usage,
      name === undefined ? "completions: for which shell?" : `unknown shell \`${name}\`${didYouMean(name, names)}`,
      { tried: [`the shells: ${names.join(" ")}`], next: "bun run completions bash" },
    );
  print(text);
});
