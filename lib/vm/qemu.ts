import { join } from "node:path";

/** What a virtual machine is made of, in QEMU's terms. Files are names in the machine's own folder, where QEMU runs. */
export interface Machine {
  name: string;
  accelerator: string[];
  /** MiB. */
  memory: number;
  cpus: number;
  disk: { path: string; format: "raw" | "qcow2"; snapshot: boolean };
  /** Program and variables of the firmware; absent for a kernel that is started without one. */
  firmware?: { code: string; variables: string; secure: boolean } | undefined;
  kernel?: { kernel: string; initrd: string; cmdline: string } | undefined;
  ports: { host: number; guest: number }[];
  window: boolean;
  /** Sockets of the programs beside QEMU. */
  share?: string | undefined;
  tpm?: string | undefined;
  /** Files with a string each for the guest. */
  strings: string[];
}

/** Names of what QEMU makes in the machine's folder. */
export const files = { pid: "pid", control: "qmp.sock", console: "console.sock", log: "../console.log" };

/** By this tag a guest mounts the shared folder. */
export const shareTag = "share";

/** A comma ends a value in QEMU's options, unless it is doubled. */
export function value(text: string): string {
  return text.replaceAll(",", ",,");
}

/** QEMU's words for a machine, after the program's own. */
export function qemuArguments(m: Machine): string[] {
  const { disk, firmware, kernel } = m;
  const forwards = m.ports.map((p) => `,hostfwd=tcp:127.0.0.1:${p.host}-:${p.guest}`).join("");
  const drive = [
    `if=virtio,format=${disk.format},file=${value(disk.path)}`,
    // what is thrown away at the end need not reach the disk
    disk.snapshot ? "snapshot=on,cache=unsafe" : "discard=unmap",
  ];
  return [
    ...["-name", value(m.name), "-machine", `q35${firmware?.secure ? ",smm=on" : ""}`, ...m.accelerator],
    ...["-smp", String(m.cpus), "-m", String(m.memory), "-nodefaults", "-no-user-config"],
    ...(m.window
      ? ["-display", "gtk,show-cursor=on", "-device", "virtio-tablet-pci", "-device", "virtio-keyboard-pci"]
      : ["-display", "none"]),
    ...["-device", "VGA"],
    ...["-pidfile", files.pid, "-qmp", `unix:${files.control},server=on,wait=off`],
    ...["-chardev", `socket,id=console,path=${files.console},server=on,wait=off,logfile=${files.log}`],
    ...["-serial", "chardev:console"],
    ...(firmware
      ? [
          ...(firmware.secure ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
          ...["-drive", `if=pflash,format=raw,readonly=on,file=${value(firmware.code)}`],
          ...["-drive", `if=pflash,format=raw,file=${value(firmware.variables)}`],
          // without a disk that boots, it would look for a network's for minutes
          ...["IPv4PXESupport", "IPv6PXESupport"].flatMap((name) => [
            "-fw_cfg",
            `name=opt/org.tianocore/${name},string=n`,
          ]),
        ]
      : []),
    ...(kernel ? ["-kernel", kernel.kernel, "-initrd", kernel.initrd, "-append", kernel.cmdline] : []),
    ...["-drive", drive.join(",")],
    ...["-netdev", `user,id=net${forwards}`, "-device", "virtio-net-pci,netdev=net"],
    ...["-device", "virtio-rng-pci"],
    ...(m.share
      ? [
          ...["-object", `memory-backend-memfd,id=memory,size=${m.memory}M,share=on`, "-numa", "node,memdev=memory"],
          ...["-chardev", `socket,id=share,path=${m.share}`],
          ...["-device", `vhost-user-fs-pci,chardev=share,tag=${shareTag}`],
        ]
      : []),
    ...(m.tpm
      ? [
          ...["-chardev", `socket,id=tpm,path=${m.tpm}`, "-tpmdev", "emulator,id=tpm,chardev=tpm"],
          ...["-device", "tpm-crb,tpmdev=tpm"],
        ]
      : []),
    ...m.strings.flatMap((file) => ["-smbios", `type=11,path=${value(file)}`]),
  ];
}

/**
 * Strings that the firmware hands to the guest (SMBIOS type 11). They go by file, so that none is on a command line.
 * Sources: systemd.system-credentials(7), systemd-boot(7), systemd-stub(7).
 */
export function guestStrings(credentials: Record<string, string>, kargs: string[]): string[] {
  const given = Object.entries(credentials).map(
    ([name, text]) => `io.systemd.credential.binary:${name}=${Buffer.from(text).toString("base64")}`,
  );
  const line = kargs.join(" ");
  const more = kargs.length
    ? [`io.systemd.boot.kernel-cmdline-extra=${line}`, `io.systemd.stub.kernel-cmdline-extra=${line}`]
    : [];
  return [...given, ...more];
}

/** A file of the machine's folder, as others see it. */
export function inFolder(folder: string, file: keyof typeof files): string {
  return join(folder, files[file]);
}
