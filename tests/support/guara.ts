import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileWords } from "../../lib/builders/containerfile/context.ts";
import { commands } from "../../lib/cli/commands.ts";
import { exec } from "./sandbox.ts";

/** The names by which people call the program. */
export const installedNames = commands.flatMap((command) => command.installed ?? []);

/** The program of people's machines, compiled from this checkout, with its names beside it, in a folder of a test's own. */
export class Guara {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "slipway-guara-")));
  readonly program = join(this.folder, "libexec/guara");
  readonly bin = join(this.folder, "bin");

  static async compile(): Promise<Guara> {
    const guara = new Guara();
    mkdirSync(guara.bin);
    const { code, stderr } = await exec(compileWords(guara.program));
    if (code !== 0) throw new Error(stderr);
    for (const name of installedNames) symlinkSync("../libexec/guara", join(guara.bin, name));
    return guara;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
