#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { targetHeader, targetRow, targetRows } from "../lib/family/table.ts";
import { paintOut, print, printJson, table } from "../lib/system/output.ts";

await command("list", async (args) => {
  const rows = targetRows(await loadFamily());
  if (args.has("json")) return printJson({ targets: rows });
  const bold = (cell: string, column: number) => (column === 0 ? paintOut.bold(cell) : cell);
  const head = (cell: string, column: number, row: number) => (row === 0 ? paintOut.dim(cell) : bold(cell, column));
  print(table([targetHeader, ...rows.map(targetRow)], head, { spare: [3, 4, 1, 2], head: true }));
});
