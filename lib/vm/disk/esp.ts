import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { bytes } from "../../system/output.ts";
import { run } from "../../system/shell.ts";
import { tool } from "../../tools/tools.ts";
import { diskFailure } from "./image-files.ts";
import { type Layout, MiB } from "./partitions.ts";

const sector = 512;

/** Files of the boot partition by their path there. */
export type EspFiles = Record<string, Buffer | string>;

/** systemd-boot with one entry. Source: systemd-boot(7), UAPI.1 Boot Loader Specification. */
export function bootLoaderFiles(parts: {
  loader: Buffer;
  kernel: Buffer;
  initrd: Buffer;
  title: string;
  cmdline: string;
}): EspFiles {
  const entry = ["linux /slipway/linux", "initrd /slipway/initrd", `options ${parts.cmdline}`];
  return {
    "EFI/BOOT/BOOTX64.EFI": parts.loader,
    "loader/loader.conf": "timeout 0\ndefault slipway.conf\n",
    "loader/entries/slipway.conf": [`title ${parts.title}`, ...entry, ""].join("\n"),
    "slipway/linux": parts.kernel,
    "slipway/initrd": parts.initrd,
  };
}

/** Formats the boot partition and fills it, with mtools alone: nothing is mounted. One call, for it may be a container's. */
const script = 'mformat -i "$1" -T "$2" -F -v ESP :: && cd "$3" && mcopy -Q -s -i "$1" -- * ::';

/**
 * Writes the boot partition into the disk.
 * @param work a folder for what is made on the way.
 */
export async function writeEsp(
  disk: string,
  { esp }: Layout,
  files: EspFiles,
  work: string,
  log: string,
): Promise<void> {
  const size = Object.values(files).reduce((sum, content) => sum + content.length, 0);
  if (size > esp.size - 4 * MiB)
    throw new Failure(exit.failed, `kernel and initramfs do not fit into the boot partition`, {
      tried: [`${bytes(size)} into ${bytes(esp.size)}`],
      next: "make the initramfs smaller",
    });
  const folder = join(work, "esp");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const words = (await tool("mformat")).slice(0, -1);
  const argv = [...words, "sh", "-c", script, "sh", `${disk}@@${esp.at}`, String(esp.size / sector), folder];
  const { code, said } = await run(argv, { log });
  if (code !== 0) throw diskFailure("the boot partition could not be written", "mtools", said, log);
}
