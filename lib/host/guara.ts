import { basename } from "node:path";
import type { Arguments } from "../cli/args.ts";
import { command } from "../cli/command.ts";
import { commands } from "../cli/commands.ts";
import { exit } from "../system/errors.ts";
import { print, table, warn } from "../system/output.ts";

/**
 * The program of people's machines, /usr/libexec/guaraos/guara: one file for all its commands. Which one it is says the name by
 * which it is called, /usr/bin/guaraos-update say, or its first word. What a command needs is loaded when it is called.
 */
const bodies: Record<string, () => Promise<(args: Arguments) => Promise<unknown>>> = {
  migrate: async () => (await import("./migrate/main.ts")).migrate,
  "install-flatpaks": async () => (await import("./flatpaks/main.ts")).installFlatpaks,
  update: async () => (await import("./update/main.ts")).update,
};

const rows = commands.flatMap((row) => (row.installed && bodies[row.name] ? [{ row, names: row.installed }] : []));
const find = (word: string) => rows.find(({ row, names }) => row.name === word || names.includes(word))?.row;

const called = find(basename(process.argv0));
const [first = ""] = process.argv.slice(2);
const row = called ?? find(first);
const body = row && bodies[row.name];
if (body) await command(row.name, async (args) => (await body())(args), process.argv.slice(called ? 2 : 3));
else {
  const asked = ["", "--help", "-h", "help"].includes(first);
  if (!asked) warn(`guara: no command \`${first}\``);
  print(table(rows.map(({ row, names }) => [names.join(", "), row.summary])));
  process.exitCode = asked ? exit.done : exit.usage;
}
