import { closeSync, openSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { projectRoot } from "../system/project.ts";
import { readUpTo } from "../system/read-up-to.ts";
import { type Command, dryRun, json, yes } from "./commands/row.ts";
import { commands } from "./commands.ts";

/**
 * Commands that the maintainers of a project wrote: files of `scripts/` that are not in our table. Such a file needs no row
 * and no entry in package.json; its first comment line is its help.
 */

/** As in package.json: what can be typed without quotes, and is no option. */
const isName = /^[a-z][a-z0-9-]*$/;

/** More than a first comment has. */
const mostOfHead = 4096;

/** Pure: the first comment of a script, without its marks; a line of `#!` does not count. */
export function firstComment(text: string): string | undefined {
  const line = /^(?:#!.*\n)?\s*(?:\/\/|\/\*+)[ \t]*(.*?)[ \t]*(?:\*\/)?[ \t]*$/m.exec(text);
  return line?.index === 0 && line[1] ? line[1] : undefined;
}

/** The beginning of an ordinary file; nothing of anything else, and of one that cannot be read. */
function headOf(file: string): string {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return "";
  let fd: number | undefined;
  try {
    fd = openSync(file, "r");
    return readUpTo(fd, mostOfHead).toString();
  } catch {
    return "";
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The row of a script, from its file. */
export function ownCommand(file: string): Command {
  const name = basename(file, ".ts");
  const summary = firstComment(headOf(file)) ?? "a script of this project";
  return {
    ...{ name, summary, group: "yours", brief: summary },
    args: [{ name: "word", many: true }],
    options: [json, dryRun, yes],
    example: `bun run ${name}`,
  };
}

/** Every script of the project that is no command of ours, by name. */
export function ownCommands(folder = join(projectRoot, "scripts")): Command[] {
  const known = new Set(commands.map((c) => c.name));
  let files: string[] = [];
  try {
    files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
  } catch {} // a project without scripts
  const names = files.map((file) => basename(file, ".ts")).filter((name) => isName.test(name) && !known.has(name));
  return names.sort().map((name) => ownCommand(join(folder, `${name}.ts`)));
}
