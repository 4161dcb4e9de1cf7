import { existsSync } from "node:fs";
import type { PackageNames } from "./package-manager.ts";
import { podmanFacts, podmanFloor, podmanPackages } from "./podman.ts";
import { lacksSigstore } from "./sigstore.ts";

/**
 * - `needed`: nothing works without it.
 * - `offline`: needed where no registry answers.
 * - `optional`: some command wants it; the toolbox has it, or that command does without.
 */
export type Need = "needed" | "offline" | "optional";

export interface Tool {
  name: string;
  /** What it is for, to fill the gap in "… for ___". */
  purpose: string;
  need: Need;
  /** Versions that we work with, as a semver range. */
  range: string;
  packages: PackageNames;
  /** The Debian package that brings it in the toolbox; absent for a tool that only this machine can have. */
  toolbox?: string;
  /** Programs that are this tool, the best first; absent for a tool that is a file. */
  programs?: () => string[];
  /** Where it may lie, for a tool that is a file. */
  files?: string[];
  /** Words that make it say its version; absent where it cannot. */
  ask?: string[];
  /** Where in what it says the version stands, if not at the first number with a dot. */
  version?: RegExp;
  /** Why a program of the right version still will not do. */
  trouble?: (program: string) => Promise<string | undefined>;
  /** What its container needs beyond the project's folder. */
  container?: () => string[];
}

/** podman's OCI runtimes that run on this machine's cgroups: crun refuses a hybrid tree. */
function runtimes(): string[] {
  return podmanFacts().cgroups === "hybrid" ? ["runc"] : ["crun", "runc"];
}

const everywhere = (name: string): PackageNames => ({ apt: name, dnf: name, pacman: name });

export const tools: Tool[] = [
  {
    name: "podman",
    purpose: "builds and keeps images",
    need: "needed",
    range: `>=${podmanFloor}`,
    packages: podmanPackages,
    ask: ["--version"],
  },
  {
    name: "oci-runtime",
    purpose: "runs podman's containers on this machine's cgroups",
    need: "needed",
    range: "*",
    packages: everywhere(runtimes()[0] ?? "runc"),
    programs: runtimes,
    ask: ["--version"],
  },
  {
    name: "mmdebstrap",
    purpose: "makes Debian bases from packages where no registry answers",
    need: "offline",
    range: ">=1",
    packages: everywhere("mmdebstrap"),
    ask: ["--version"],
  },
  {
    name: "git",
    purpose: "gives images their revision and date",
    need: "optional",
    range: ">=2",
    packages: everywhere("git"),
    toolbox: "git",
    ask: ["--version"],
  },
  {
    name: "shellcheck",
    purpose: "checks the scripts that images ship",
    need: "optional",
    range: ">=0.9",
    packages: { apt: "shellcheck", dnf: "ShellCheck", pacman: "shellcheck" },
    toolbox: "shellcheck",
    ask: ["--version"],
  },
  {
    name: "skopeo",
    purpose: "copies, signs and inspects images",
    need: "optional",
    range: ">=1.14",
    packages: everywhere("skopeo"),
    toolbox: "skopeo",
    ask: ["--version"],
    trouble: lacksSigstore,
  },
  {
    name: "cosign",
    purpose: "signs images and verifies signatures",
    need: "optional",
    range: ">=2.4",
    packages: everywhere("cosign"),
    toolbox: "cosign",
    ask: ["version"],
    version: /GitVersion:\s*v?(\d+\.\d+\.\d+)/,
  },
  {
    name: "qemu-system-x86_64",
    purpose: "boots images; below 8 it crashes guests without KVM",
    need: "optional",
    range: ">=8",
    packages: { apt: "qemu-system-x86", dnf: "qemu-system-x86", pacman: "qemu-system-x86" },
    toolbox: "qemu-system-x86",
    ask: ["--version"],
    container: () => (existsSync("/dev/kvm") ? ["--device=/dev/kvm"] : []),
  },
  {
    name: "qemu-img",
    purpose: "converts disks",
    need: "optional",
    range: ">=7",
    packages: { apt: "qemu-utils", dnf: "qemu-img", pacman: "qemu-img" },
    toolbox: "qemu-utils",
    ask: ["--version"],
  },
  {
    name: "ovmf",
    purpose: "the UEFI firmware of virtual machines",
    need: "optional",
    range: "*",
    packages: { apt: "ovmf", dnf: "edk2-ovmf", pacman: "edk2-ovmf" },
    toolbox: "ovmf",
    files: [
      "/usr/share/OVMF/OVMF_CODE_4M.fd",
      "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
      "/usr/share/edk2/ovmf/OVMF_CODE.fd",
    ],
  },
  {
    name: "mformat",
    purpose: "writes the boot partition without mounting it (mtools)",
    need: "optional",
    range: ">=4",
    packages: everywhere("mtools"),
    toolbox: "mtools",
    ask: ["--version"],
  },
  {
    name: "mkfs.vfat",
    purpose: "makes the boot partition",
    need: "optional",
    range: "*",
    packages: everywhere("dosfstools"),
    toolbox: "dosfstools",
  },
  {
    name: "sfdisk",
    purpose: "partitions disk files",
    need: "optional",
    range: ">=2.30",
    packages: { apt: "fdisk", dnf: "util-linux", pacman: "util-linux" },
    toolbox: "fdisk",
    ask: ["--version"],
    version: /util-linux (\d[\d.]*)/,
  },
  {
    name: "mkfs.ext4",
    purpose: "makes root file systems from a folder",
    need: "optional",
    range: ">=1.43",
    packages: everywhere("e2fsprogs"),
    toolbox: "e2fsprogs",
    ask: ["-V"],
  },
  {
    name: "mkfs.btrfs",
    purpose: "makes btrfs root file systems",
    need: "optional",
    range: ">=6.12",
    packages: everywhere("btrfs-progs"),
    toolbox: "btrfs-progs",
    ask: ["--version"],
  },
  {
    name: "ukify",
    purpose: "joins kernel and initramfs into one EFI program",
    need: "optional",
    range: ">=254",
    packages: { apt: "systemd-ukify", dnf: "systemd-ukify", pacman: "systemd-ukify" },
    toolbox: "systemd-ukify",
    ask: ["--version"],
    version: /ukify (\d+)/,
  },
  {
    name: "ostree",
    purpose: "writes and reads the commits of bootable images",
    need: "optional",
    range: ">=2022.1",
    packages: { apt: "ostree", dnf: "ostree", pacman: "ostree" },
    toolbox: "ostree",
    ask: ["--version"],
  },
  {
    name: "bst",
    purpose: "builds flavors of the kind buildstream",
    need: "optional",
    range: ">=2.2",
    packages: {},
    toolbox: "buildstream",
    ask: ["--version"],
    // bubblewrap makes namespaces and mounts, buildbox-fuse its own file system
    container: () => ["--privileged", "--device=/dev/fuse"],
  },
  {
    name: "buildbox-casd",
    purpose: "keeps and runs what BuildStream builds",
    need: "optional",
    range: ">=1",
    packages: {},
    toolbox: "buildbox",
    ask: ["--version"],
    container: () => ["--privileged", "--device=/dev/fuse"],
  },
];
