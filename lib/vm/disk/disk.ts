/**
 * A bootable disk file from an image in podman's storage, without root, loop device or mount: a GPT with a boot partition
 * that mtools fill and a root file system that is made of the image's files where podman has them.
 */
import { existsSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { consolesBefore } from "../../oci/kargs.ts";
import type { LocalImage } from "../../oci/storage.ts";
import { exit, Failure } from "../../system/errors.ts";
import { spaceAt } from "../../system/machine.ts";
import { bytes } from "../../system/output.ts";
import { run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { workFolder } from "../../system/work-folder.ts";
import { ensureToolbox } from "../../tools/toolbox.ts";
import { tool } from "../../tools/tools.ts";
import type { BootFiles, Lack } from "./boot-files.ts";
import { bootLoaderFiles, type EspFiles, writeEsp } from "./esp.ts";
import { diskFailure, readBootFiles } from "./image-files.ts";
import {
  consoles,
  type Disk,
  type DiskOptions,
  disksFolder,
  folderOf,
  imageOf,
  openDisk,
  type Record,
  removeOlder,
  usualSize,
  writeRecord,
} from "./kept.ts";
import { layout } from "./partitions.ts";
import { partitionAndFill } from "./root-fs.ts";
import { makeUki } from "./uki.ts";

export { type Disk, type DiskOptions, usualDisk } from "./kept.ts";

/** Refuses what cannot boot, before anything is started. */
function refuse(reference: string, lacks: Lack[]): void {
  const fatal = lacks.filter((lack) => lack === "kernel" || lack === "initramfs" || lack === "init");
  if (fatal.length)
    throw new Failure(exit.failed, `${reference} cannot boot: it has no ${fatal.join(", no ")}`, {
      tried: ["/usr/lib/modules/VERSION/ (vmlinuz, initramfs.img), /boot, /sbin/init"],
      next: "add the packages to the flavor, and build it again",
    });
}

/**
 * The disk of an image, made or reused.
 * @returns the disk; it is not to be written to, for others use it too: copy it or boot it with a snapshot.
 * @throws Failure
 */
export async function makeDisk(reference: string, options: DiskOptions, progress: Progress): Promise<Disk> {
  const image = await imageOf(reference);
  const folder = folderOf(reference, image, options);
  const kept = openDisk(folder, true);
  if (kept) return kept;
  const { free } = spaceAt(disksFolder());
  if (free < image.size * 1.2)
    throw new Failure(exit.failed, "no space left for the disk", {
      tried: [`${bytes(image.size * 1.2)} are needed, ${bytes(free)} are free in ${disksFolder()}`],
      next: "bun run clean",
    });
  const work = workFolder();
  try {
    const made = join(work.path, "made");
    mkdirSync(made);
    await write(reference, image, options, { made, work: work.path }, progress);
    try {
      renameSync(made, folder);
    } catch (error) {
      // another command made it at the same time
      if (!existsSync(join(folder, "disk.json"))) throw error;
    }
  } finally {
    work.remove();
  }
  removeOlder(reference, image.id);
  const disk = openDisk(folder, false);
  if (disk) return disk;
  throw new Failure(exit.failed, `the disk in ${folder} cannot be read`, { next: "run this again" });
}

async function write(
  reference: string,
  image: LocalImage,
  options: DiskOptions,
  folders: { made: string; work: string },
  progress: Progress,
): Promise<void> {
  const { made, work } = folders;
  const plan = layout(options.size ?? usualSize(image));
  if (plan.root.size < image.size)
    throw new Failure(exit.usage, `--size is too small: the image alone has ${bytes(image.size)}`);
  const raw = join(made, "disk.raw");
  writeFileSync(raw, "");
  truncateSync(raw, plan.size);
  const uuid = crypto.randomUUID();
  progress.now("preparing the tools");
  await ensureToolbox(progress);
  progress.now("copying its files");
  const { log } = progress;
  const given = new AbortController();
  const { signal } = given;
  const root = partitionAndFill(options.filesystem, image.id, raw, plan, uuid, join(work, "root.img"), { log, signal });
  root.catch(() => undefined); // looked at below
  let boot: BootFiles;
  let cmdline: string;
  try {
    boot = await readBootFiles(image.id, work, progress);
    refuse(reference, boot.lacks());
    const own = [`root=UUID=${uuid}`, `rootfstype=${options.filesystem}`, "rw"];
    const others = [...boot.kargs(), ...options.kargs];
    cmdline = [...own, ...consolesBefore(consoles, others), ...others].join(" ");
    const files = await bootFiles(reference, boot, cmdline, options, work, progress);
    await writeEsp(raw, plan, files, work, log);
    await root;
  } catch (error) {
    given.abort();
    await root.catch(() => undefined);
    throw error;
  }
  const [kernel, initrd] = [boot.get("kernel"), boot.get("initrd")];
  if (kernel && initrd) {
    writeFileSync(join(made, "linux"), kernel);
    writeFileSync(join(made, "initrd"), initrd);
  }
  let file = "disk.raw";
  if (options.format === "qcow2") file = await convert(made, progress);
  const record: Record = {
    reference,
    image: image.id,
    cmdline,
    lacks: boot.lacks(),
    file,
    direct: !!kernel && !!initrd,
  };
  writeRecord(made, record);
}

/** What lies on the boot partition: the image's own UKI, or its systemd-boot with an entry, or else a UKI made here. */
async function bootFiles(
  reference: string,
  boot: BootFiles,
  cmdline: string,
  options: DiskOptions,
  work: string,
  progress: Progress,
): Promise<EspFiles> {
  const [loader, kernel, initrd, uki] = [boot.get("loader"), boot.get("kernel"), boot.get("initrd"), boot.get("uki")];
  const program = "EFI/BOOT/BOOTX64.EFI";
  if (!kernel || !initrd) return { [program]: uki ?? "" };
  if (options.boot === "systemd-boot" && loader)
    return bootLoaderFiles({ loader, kernel, initrd, title: basename(reference), cmdline });
  return { [program]: await makeUki({ kernel, initrd, cmdline }, options.boot === "signed-uki", work, progress) };
}

async function convert(folder: string, progress: Progress): Promise<string> {
  progress.now("converting to qcow2");
  const [from, file] = [join(folder, "disk.raw"), "disk.qcow2"];
  const argv = [...(await tool("qemu-img", { progress })), "convert", "-O", "qcow2", from, join(folder, file)];
  const { code, said } = await run(argv, { log: progress.log });
  if (code !== 0) throw diskFailure("the disk could not be converted to qcow2", "qemu-img", said, progress.log);
  rmSync(from);
  return file;
}
