import { arch, type Command, dryRun, flavor, flavors, json, type Option, yes } from "./row.ts";

const diskOptions: Option[] = [
  { name: "size", value: "SIZE", summary: "of the whole disk, such as 20GB; what is not used takes no room (8 GiB)" },
  { name: "filesystem", value: "NAME", words: "filesystem", summary: "of the root: ext4 or btrfs (ext4)" },
  { name: "karg", value: "ARG", summary: "a kernel argument more; may be given several times" },
  { name: "uki", summary: "kernel, initramfs and arguments as one EFI program instead of systemd-boot with an entry" },
];
const vmOptions: Option[] = [
  { name: "name", value: "NAME", summary: "what it is called in `vm list` (the flavor's name)" },
  { name: "console", summary: "its serial console on this terminal; Ctrl-] leaves it" },
  { name: "ssh", summary: "a shell in it, or the command after --; then it ends" },
  { name: "detach", short: "d", summary: "run it in the background" },
  { name: "ephemeral", summary: "keep nothing; the kernel is started without firmware" },
  { name: "memory", value: "MIB", summary: "its memory (2048)" },
  { name: "cpus", value: "N", summary: "its processors (2)" },
  {
    name: "port",
    value: "HOST:GUEST",
    summary: "forward a port of this machine to the guest; may be given several times",
  },
  { name: "share", value: "DIR", summary: "a folder that it finds at /run/share" },
  { name: "credential", value: "NAME=VALUE", summary: "a systemd credential; several times" },
  { name: "tpm", summary: "with a TPM 2.0" },
  { name: "secure-boot", summary: "with Secure Boot on, by keys that are made for it" },
  { name: "screenshot", value: "FILE", summary: "a PNG of its screen when it is up" },
  { name: "patience", value: "N", summary: "how many seconds its boot may take (300)" },
];

/** Trying an image: disks and virtual machines. */
export const vmCommands: Command[] = [
  {
    name: "disk",
    group: "try",
    brief: "write its disk",
    summary: "a bootable disk file from an image",
    args: [arch, flavor],
    options: [...diskOptions, { name: "qcow2", summary: "in QEMU's own format instead of raw" }, dryRun, json, yes],
    example: "bun run disk amd64 minimal --size 20GB",
  },
  {
    name: "boot-vm",
    group: "try",
    brief: "boot in QEMU",
    summary: "boot an image in a virtual machine",
    args: [arch, flavor],
    options: [...vmOptions, ...diskOptions, json, yes],
    rest: "COMMAND",
    example: "bun run boot-vm amd64 minimal --ephemeral --ssh -- systemctl --failed",
  },
  {
    name: "vm",
    group: "try",
    brief: "list, enter, stop",
    summary: "the virtual machines that run: list, ssh, stop, log",
    args: [
      { name: "what", words: "vm-verb" },
      { name: "name", words: "vm" },
    ],
    options: [{ name: "force", summary: "stop: cut its power instead of asking it to shut down" }, json],
    rest: "COMMAND",
    example: "bun run vm ssh minimal -- uptime",
  },
  {
    name: "smoke",
    group: "try",
    brief: "boot and check",
    summary: "boot images and run the checks of their flavors' smoke section",
    args: [arch, flavors],
    options: [
      { name: "jobs", value: "N", summary: "how many boot side by side (1)" },
      { name: "patience", value: "N", summary: "how many seconds a boot may take (300)" },
      { name: "junit", value: "FILE", summary: "write the results as JUnit too" },
      json,
      yes,
    ],
    example: "bun run smoke amd64 minimal",
  },
  {
    name: "try",
    group: "try",
    brief: "build and boot",
    summary: "build an image, make its disk and boot it, in one go",
    args: [arch, flavor],
    options: [...vmOptions, yes],
    rest: "COMMAND",
    example: "bun run try",
  },
];
