/** Where disks are kept, and what is written beside them. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type LocalImage, localImages } from "../../oci/storage.ts";
import { exit, Failure } from "../../system/errors.ts";
import { statePath } from "../../system/project.ts";
import type { Lack } from "./boot-files.ts";
import { MiB } from "./partitions.ts";
import type { Filesystem } from "./root-fs.ts";

export interface DiskOptions {
  filesystem: Filesystem;
  /** Bytes of the whole disk; the file is sparse. */
  size?: number | undefined;
  format: "raw" | "qcow2";
  /** Kernel arguments beside those that the image asks for itself. */
  kargs: string[];
  /** `systemd-boot`: the image's own, with one entry. `uki`: kernel, initramfs and arguments as one EFI program; signed for Secure Boot. */
  boot: "systemd-boot" | "uki" | "signed-uki";
}

export const usualDisk: DiskOptions = { filesystem: "ext4", format: "raw", kargs: [], boot: "systemd-boot" };

/** A disk that was made, with what a boot without firmware needs beside it. */
export interface Disk {
  path: string;
  /** It was there already. */
  reused: boolean;
  reference: string;
  /** The image's id. */
  image: string;
  kernel: string | undefined;
  initrd: string | undefined;
  cmdline: string;
  lacks: Lack[];
}

/** What is written beside a disk. A change of its meaning is another version, and makes disks anew. */
export interface Record extends Pick<Disk, "reference" | "image" | "cmdline" | "lacks"> {
  file: string;
  direct: boolean;
}
const version = 2;

/** Consoles of a virtual machine: the screen, and the serial port, which is the last and so /dev/console. */
export const consoles = ["console=tty0", "console=ttyS0,115200"];

/** Room for what a system writes; holes cost nothing. */
export const usualSize = (image: LocalImage) => Math.max(8 * 1024 * MiB, 3 * image.size);

export function disksFolder(): string {
  return dirname(statePath("disks", "x"));
}

/** The folder of the disk of an image with these options. */
export function folderOf(reference: string, image: LocalImage, options: object): string {
  const basis = JSON.stringify([version, image.id, options]);
  const key = new Bun.CryptoHasher("sha256").update(basis).digest("hex").slice(0, 12);
  return join(disksFolder(), `${basename(reference).replace(":", "-")}-${key}`);
}

export function openDisk(folder: string, reused: boolean): Disk | undefined {
  try {
    const { file, direct, ...rest } = JSON.parse(readFileSync(join(folder, "disk.json"), "utf8")) as Record;
    const beside = (name: string) => (direct ? join(folder, name) : undefined);
    return { path: join(folder, file), reused, kernel: beside("linux"), initrd: beside("initrd"), ...rest };
  } catch {
    return undefined;
  }
}

/** The disk that is kept for these options of an image, if there is one. */
export async function findDisk(reference: string, options: DiskOptions): Promise<Disk | undefined> {
  return openDisk(folderOf(reference, await imageOf(reference), options), true);
}

export async function imageOf(reference: string): Promise<LocalImage> {
  const images = await localImages();
  const image = images.get(reference) ?? images.get(`localhost/${reference}`);
  if (image) return image;
  throw new Failure(exit.failed, `${reference} is not in podman's storage`, {
    tried: ["podman image ls"],
    next: "build it first: bun run build",
  });
}

/** Disks of an older image of the same name go when a new one is there; a guest that runs on one keeps its open file. */
export function removeOlder(reference: string, image: string): void {
  for (const name of readdirSync(disksFolder())) {
    const folder = join(disksFolder(), name);
    const other = openDisk(folder, true);
    if (other?.reference === reference && other.image !== image) rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a folder with a disk one that is found again. */
export function writeRecord(folder: string, record: Record): void {
  writeFileSync(join(folder, "disk.json"), `${JSON.stringify(record, null, 2)}\n`);
}
