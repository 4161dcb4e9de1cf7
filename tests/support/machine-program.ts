import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileWords } from "../../lib/builders/containerfile/context.ts";
import { machineNames } from "../../lib/host/names.ts";
import { exec } from "./sandbox.ts";

/** The names by which people call the program. */
export const installedNames = Object.values(machineNames.commands).flat();

/** The program of people's machines, compiled from this checkout, with its names beside it, in a folder of a test's own. */
export class MachineProgram {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-program-")));
  readonly program = join(this.folder, "libexec/program");
  readonly bin = join(this.folder, "bin");

  static async compile(): Promise<MachineProgram> {
    const machine = new MachineProgram();
    mkdirSync(machine.bin);
    const { code, stderr } = await exec(compileWords(machine.program, machineNames));
    if (code !== 0) throw new Error(stderr);
    for (const name of installedNames) symlinkSync("../libexec/program", join(machine.bin, name));
    return machine;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
