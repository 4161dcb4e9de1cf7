#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { commands } from "../lib/cli/commands.ts";
import { exit, Failure } from "../lib/cli/errors.ts";
import { didYouMean } from "../lib/cli/nearest.ts";
import { paintOut, print, printJson, table } from "../lib/cli/output.ts";
import { ownCommands } from "../lib/cli/own-commands.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { targetHeader, targetRow, targetRows } from "../lib/family/table.ts";

await command("list", async (args) => {
  const unknown = args.value("unknown");
  const all = [...commands, ...ownCommands()];
  const names = all.map((c) => c.name);
  if (unknown !== undefined)
    throw new Failure(exit.usage, `unknown command \`${unknown}\`${didYouMean(unknown, names)}`, {
      tried: [`the commands: ${names.join(" ")}`],
      next: "bun run list",
    });
  const family = await loadFamily();
  if (args.has("json")) {
    const described = all.map(({ name, summary, example }) => ({ name, summary, example }));
    return printJson({ commands: described, targets: targetRows(family) });
  }
  const bold = (cell: string, column: number) => (column === 0 ? paintOut.bold(cell) : cell);
  const head = (cell: string, column: number, row: number) => (row === 0 ? paintOut.dim(cell) : bold(cell, column));
  print(`${family.title}: bun run COMMAND (--help tells more)\n`);
  print(
    `${table(
      all.map((c) => [c.name, c.summary, c.example]),
      bold,
    )}\n`,
  );
  print(table([targetHeader, ...targetRows(family).map(targetRow)], head));
});
