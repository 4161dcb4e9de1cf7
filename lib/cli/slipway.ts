import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot, toolRoot } from "../system/project.ts";
import { findCommand } from "./commands.ts";

/**
 * The program `slipway` of the package: `slipway NAME WORDS` runs the script of that name. In a checkout ./run and Bun itself find scripts.
 */

/** As Bun and ./run have it: no path, no option. */
const isName = /^[a-z][a-z0-9-]*$/;

/** The script of a command: ours, else one of the project's own; undefined where there is none. */
function scriptOf(name: string): string | undefined {
  const file = join(findCommand(name) ? toolRoot : projectRoot, "scripts", `${name}.ts`);
  return isName.test(name) && existsSync(file) ? file : undefined;
}

/** What a command line runs: a script and its words. Without a known name that is the help. */
export function scriptFor(argv: string[]): [file: string, ...words: string[]] {
  const help = join(toolRoot, "scripts/help.ts");
  const [name, ...words] = argv;
  if (name === undefined || name === "-h" || name === "--help") return [help, ...words];
  const file = scriptOf(name);
  if (file !== undefined) return [file, ...words];
  return name.startsWith("-") ? [help, ...argv] : [help, "--", name];
}

if (import.meta.main) {
  const script = scriptFor(process.argv.slice(2));
  process.argv.splice(1, process.argv.length, ...script);
  await import(script[0]);
}
