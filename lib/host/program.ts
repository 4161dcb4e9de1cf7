import { basename } from "node:path";
import type { Arguments } from "../cli/args.ts";
import { command } from "../cli/command.ts";
import { commands } from "../cli/commands.ts";
import { exit } from "../system/errors.ts";
import { print, table, warn } from "../system/output.ts";
import { machineNames } from "./names.ts";

/**
 * The program of people's machines: one file for all its commands. The name by which it is called says which one, such as
 * /usr/bin/guaraos-update, or else its first word. What a command needs is loaded when it is called.
 */
const bodies: Record<string, () => Promise<(args: Arguments) => Promise<unknown>>> = {
  migrate: async () => (await import("./migrate/main.ts")).migrate,
  "install-flatpaks": async () => (await import("./flatpaks/main.ts")).installFlatpaks,
  update: async () => (await import("./update/main.ts")).update,
};

const rows = commands.flatMap((row) =>
  bodies[row.name] ? [{ row, names: machineNames.commands[row.name] ?? [] }] : [],
);
const find = (word: string) => rows.find(({ row, names }) => row.name === word || names.includes(word))?.row;

const called = find(basename(process.argv0));
const [first = ""] = process.argv.slice(2);
const row = called ?? find(first);
const body = row && bodies[row.name];
if (body) await command(row.name, async (args) => (await body())(args), process.argv.slice(called ? 2 : 3));
else {
  const asked = ["", "--help", "-h", "help"].includes(first);
  if (!asked) warn(`${basename(process.argv0)}: no command \`${first}\``);
  print(table(rows.map(({ row, names }) => [names.join(", "), row.summary])));
  process.exitCode = asked ? exit.done : exit.usage;
}
