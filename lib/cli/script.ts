import { writeFileSync } from "node:fs";
import type { Arguments } from "./args.ts";
import { command } from "./command.ts";
import type { Command } from "./commands/row.ts";
import { ownCommand } from "./own-commands.ts";
import { logOfScript, shellOfScript } from "./script-shell.ts";

/**
 * Runs a maintainer's script as a command of its own: `scripts/digests.ts` is `./run digests`. Its first comment line is its
 * help, and a failure in it is shown as one of ours. It takes any words, `--json`, `--dry-run` and `--yes`.
 * @param body what it does; the number that it returns is the exit code, else 0.
 * @param more other words and options than those.
 */
export async function script(
  body: (args: Arguments) => Promise<unknown>,
  more: Partial<Pick<Command, "args" | "example">> & { options?: Command["options"] } = {},
): Promise<void> {
  const row = ownCommand(process.argv[1] ?? Bun.main); // `slipway` loads the script and is the main module itself
  const options = [...(more.options ?? []), ...row.options];
  await command({ ...row, ...more, options }, async (args) => {
    const log = logOfScript(row.name);
    writeFileSync(log, "");
    Object.assign(shellOfScript, { dryRun: args.has("dry-run"), log });
    return body(args);
  });
}
