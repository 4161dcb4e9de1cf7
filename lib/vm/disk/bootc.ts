/**
 * A disk by `bootc install to-disk`, run by the image itself in a privileged container: partitions, boot loader and deployment are
 * then exactly what an installation makes. It needs root, for it attaches a loop device and mounts.
 */
import { existsSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "../../family/family.ts";
import { consolesBefore, isConsole } from "../../oci/kargs.ts";
import { kargsOfImage } from "../../oci/kargs-folder.ts";
import { exit, Failure } from "../../system/errors.ts";
import type { Progress } from "../../system/steps.ts";
import { workFolder } from "../../system/work-folder.ts";
import { bindMount } from "../../tools/mount-words.ts";
import { podman } from "../../tools/podman.ts";
import { nextAfter } from "../../tools/podman-failures.ts";
import {
  consoles,
  type Disk,
  type DiskOptions,
  folderOf,
  imageOf,
  openDisk,
  removeOlder,
  usualSize,
  writeRecord,
} from "./kept.ts";

const inside = "/slipway";

/** What the image and the user ask for, by which the place of our consoles is chosen. */
export interface Asked {
  /** The image's own arguments (kargs.d). */
  image: string[];
  /** Consoles of ours that nobody else names. */
  consoles: string[];
  /** The text of a file with them, where bootc has to put them before the image's. */
  early?: string;
}

/** Its name beside the disk while bootc runs, and where bootc looks for such files; the first name is the first of the list. */
export const earlyFile = "consoles.toml";
const earlyPlace = "/run/bootc/install/00-slipway.toml";

/**
 * Finds the place of our consoles: before those that the image asks for, of which the last has to stay last. bootc puts `--karg`
 * behind kargs.d, and `[install] kargs` of its configuration before it; with composefs, `--karg` comes before kargs.d.
 * Source: install_container in bootc's install.rs, setup_composefs_bls_boot in its boot.rs.
 */
export function placeConsoles({ flavor }: Target, options: DiskOptions, image: string[]): Asked {
  const ours = consolesBefore(consoles, [...image, ...options.kargs]);
  const early = ours.length > 0 && image.some(isConsole) && !flavor.install.composefs;
  return {
    ...{ image, consoles: ours },
    ...(early ? { early: `[install]\nkargs = [${ours.map((word) => JSON.stringify(word)).join(", ")}]\n` } : {}),
  };
}

/**
 * podman's words, after `podman`. Sources: bootc-install-to-disk(8); bootc's documentation, "Installing bootable containers".
 * @param folder of the disk file; @param graph podman's own storage, where bootc finds the image that it runs in.
 */
export function installWords(
  { flavor, reference }: Target,
  options: DiskOptions,
  folder: string,
  graph: string,
  asked: Asked,
): string[] {
  const { install } = flavor;
  const early = asked.early !== undefined;
  const kargs = [...(early ? [] : asked.consoles), ...options.kargs].map((karg) => `--karg=${karg}`);
  return [
    ...["run", "--rm", "--privileged", "--pid=host", "--security-opt=label=disable"],
    ...[bindMount("/dev"), bindMount(graph, "/var/lib/containers/storage"), bindMount(folder, inside)],
    ...(early ? [bindMount(join(folder, earlyFile), earlyPlace, { readOnly: true })] : []),
    ...[reference, "bootc", "install", "to-disk", "--via-loopback", "--generic-image", "--skip-fetch-check"],
    `--target-imgref=${reference}`,
    `--filesystem=${install.filesystem ?? options.filesystem}`,
    ...(install.composefs ? ["--composefs-backend"] : []),
    ...(install.bootloader ? [`--bootloader=${install.bootloader}`] : []),
    ...kargs,
    `${inside}/disk.raw`,
  ];
}

/** The disk of an image that has bootc, made or reused. @throws Failure */
export async function bootcDisk(target: Target, options: DiskOptions, progress: Progress): Promise<Disk> {
  const { reference } = target;
  if (options.format !== "raw" || options.boot !== "systemd-boot")
    throw new Failure(
      exit.usage,
      `${reference} is installed by bootc, which makes a raw disk with its own boot loader`,
      {
        next: "leave out --qcow2 and --uki",
      },
    );
  const image = await imageOf(reference);
  const folder = folderOf(reference, image, { ...options, install: target.flavor.install });
  const kept = openDisk(folder, true);
  if (kept) return kept;
  if (process.getuid?.() !== 0)
    throw new Failure(exit.missing, "bootc installs to a disk as root only", {
      tried: [`${reference} has bootc, and so is installed by it`],
      next: "run the same as root, with the image in root's podman storage",
    });
  const graph = (await podman(["info", "--format", "{{.Store.GraphRoot}}"])).stdout.trim();
  const work = workFolder();
  try {
    const made = join(work.path, "made");
    mkdirSync(made);
    writeFileSync(join(made, "disk.raw"), "");
    truncateSync(join(made, "disk.raw"), options.size ?? Math.max(usualSize(image), 20e9));
    const asked = placeConsoles(target, options, await kargsOfImage(reference, "x86_64"));
    if (asked.early !== undefined) writeFileSync(join(made, earlyFile), asked.early);
    progress.now("bootc installs it");
    const { code, said } = await podman(installWords(target, options, made, graph, asked), {
      log: progress.log,
      onLine: (line) => progress.now(line.slice(0, 120)),
    });
    if (code !== 0)
      throw new Failure(exit.failed, `bootc could not install ${reference} to a disk`, {
        tried: ["bootc install to-disk", ...said.trim().split("\n").slice(-4)],
        next:
          code === 127
            ? "the image has no bootc: add the package, or leave out `bootc: true`"
            : nextAfter(said, "read the log"),
        log: progress.log,
      });
    rmSync(join(made, earlyFile), { force: true });
    const cmdline = [...asked.consoles, ...asked.image, ...options.kargs].join(" ");
    writeRecord(made, { reference, image: image.id, cmdline, lacks: [], file: "disk.raw", direct: false });
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
  } finally {
    work.remove();
  }
  removeOlder(reference, image.id);
  const disk = openDisk(folder, false);
  if (disk && existsSync(disk.path)) return disk;
  throw new Failure(exit.failed, `the disk in ${folder} cannot be read`, { next: "run this again" });
}
