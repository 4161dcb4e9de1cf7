import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compiledNames, type MachineNames, type NamesFile, namesOf } from "../system/machine-names.ts";
import { projectRoot } from "../system/project.ts";

/** In a checkout: the project's family.yaml, which `lint` checks. A project without one has Slipway's own names. */
function ofProject(): MachineNames {
  try {
    return namesOf(Bun.YAML.parse(readFileSync(join(projectRoot, "flavors/family.yaml"), "utf8")) as NamesFile);
  } catch {
    return namesOf({ name: "slipway", title: "Slipway" });
  }
}

/** What this machine's family calls its things. */
export const machineNames: MachineNames = compiledNames ?? ofProject();

/** What people type for a command of the program, such as `guaraos-update`. */
export function typed(command: string): string {
  return machineNames.commands[command]?.[0] ?? command;
}

/** The image's own files of the family, and its state on a machine. */
export const sharedFolder = `/usr/share/${machineNames.folder}`;
export const programFolder = `/usr/libexec/${machineNames.folder}`;
export const familyState = `/var/lib/${machineNames.folder}`;
