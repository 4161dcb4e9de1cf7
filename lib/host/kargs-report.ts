import { paintOut, print, printJson, say, table } from "../system/output.ts";
import type { Difference, Row } from "./kargs.ts";

export interface KargsReport {
  /** The image; undefined for the booted one. */
  reference: string | undefined;
  rows: Row[];
  changes: Difference;
  /** The line that changes them, where one was asked for. */
  command: string | undefined;
  dryRun: boolean;
  /** The same command with --apply. */
  again: string;
}

export function reportKargs({ reference, rows, changes, command, dryRun, again }: KargsReport, json: boolean): void {
  const applied = command !== undefined && !dryRun;
  if (json) {
    printJson({ image: reference ?? "booted", arguments: rows, ...changes, applied, command: command ?? null });
    return;
  }
  const cells = rows.map(({ word, state, instead }) => [word, state, instead.join(" ")]);
  const all = [["argument", "state", "instead of"], ...cells];
  if (rows.length) print(table(all, (cell, _, row) => (row === 0 ? paintOut.dim(cell) : cell)));
  else print(`${reference ?? "the booted image"} asks for no kernel arguments`);
  if (changes.add.length + changes.drop.length === 0) say("the next boot has all that the image asks for");
  else if (command === undefined) say(`next: ${again}`);
  else if (applied) say("the next boot gets them; a switch or an upgrade continues from there");
}
