#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { commands } from "../lib/cli/commands.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { targetHeader, targetRow, targetRows } from "../lib/family/table.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { didYouMean } from "../lib/system/nearest.ts";
import { paintOut, print, printJson, table } from "../lib/system/output.ts";

await command("list", async (args) => {
  const unknown = args.value("unknown");
  const names = commands.map((c) => c.name);
  if (unknown !== undefined)
    throw new Failure(exit.usage, `unknown command \`${unknown}\`${didYouMean(unknown, names)}`, {
      tried: [`the commands: ${names.join(" ")}`],
      next: "bun run list",
    });
  const family = await loadFamily();
  if (args.has("json")) {
    const described = commands.map(({ name, summary, example }) => ({ name, summary, example }));
    return printJson({ commands: described, targets: targetRows(family) });
  }
  const bold = (cell: string, column: number) => (column === 0 ? paintOut.bold(cell) : cell);
  const head = (cell: string, column: number, row: number) => (row === 0 ? paintOut.dim(cell) : bold(cell, column));
  print(`${family.title}: bun run COMMAND (--help tells more)\n`);
  print(
    `${table(
      commands.map((c) => [c.name, c.summary, c.example]),
      bold,
    )}\n`,
  );
  print(table([targetHeader, ...targetRows(family).map(targetRow)], head));
});
