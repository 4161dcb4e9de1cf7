/** Every command as data: `--help`, `bun run list`, the completions and the README are written from this table. */

import { isPackage } from "../system/project.ts";
import { imageCommands } from "./commands/image.ts";
import { machineCommands } from "./commands/machine.ts";
import { projectCommands } from "./commands/project.ts";
import type { Command } from "./commands/row.ts";
import { vmCommands } from "./commands/vm.ts";

const all: Command[] = [...imageCommands, ...vmCommands, ...machineCommands, ...projectCommands];

/** In the order in which they are shown. */
export const commands = isPackage ? all.filter((row) => !row.onlyInCheckout) : all;

export function findCommand(name: string): Command | undefined {
  return commands.find((c) => c.name === name);
}
