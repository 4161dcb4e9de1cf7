/** Every command as data: `--help`, `bun run list`, the completions and the README are written from this table. */
import { imageCommands } from "./commands/image.ts";
import { machineCommands } from "./commands/machine.ts";
import { projectCommands } from "./commands/project.ts";
import type { Command } from "./commands/row.ts";
import { vmCommands } from "./commands/vm.ts";

/** In the order in which they are shown. */
export const commands: Command[] = [...imageCommands, ...vmCommands, ...machineCommands, ...projectCommands];

export function findCommand(name: string): Command | undefined {
  return commands.find((c) => c.name === name);
}
