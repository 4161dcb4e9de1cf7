import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { inToolbox } from "../../tools/toolbox.ts";
import { tool } from "../../tools/tools.ts";
import { secureBootKeys } from "../secure-boot.ts";
import { diskFailure } from "./image-files.ts";

/**
 * Kernel, initramfs and arguments as one EFI program.
 * @param signed for Secure Boot, by the key of this checkout's machines.
 * @param work a folder for what is made on the way.
 */
export async function makeUki(
  parts: { kernel: Buffer; initrd: Buffer; cmdline: string },
  signed: boolean,
  work: string,
  progress: Progress,
): Promise<Buffer> {
  const path = (name: string) => join(work, name);
  writeFileSync(path("linux"), parts.kernel);
  writeFileSync(path("initrd"), parts.initrd);
  // to sign, ukify calls sbsign, which stands beside it in the toolbox
  const words = signed ? [...(await inToolbox([], { progress })), "ukify"] : await tool("ukify", { progress });
  const inputs = [`--linux=${path("linux")}`, `--initrd=${path("initrd")}`, `--cmdline=${parts.cmdline}`];
  const keys = signed ? await secureBootKeys(progress) : undefined;
  const by = keys ? [`--secureboot-private-key=${keys.key}`, `--secureboot-certificate=${keys.certificate}`] : [];
  const argv = [...words, "build", ...inputs, ...by, `--output=${path("uki.efi")}`];
  const { code, said } = await run(argv, { log: progress.log });
  if (code !== 0)
    throw diskFailure(
      "kernel and initramfs could not be joined into one EFI program",
      "ukify build",
      said,
      progress.log,
    );
  return readFileSync(path("uki.efi"));
}
