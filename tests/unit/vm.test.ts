import { describe, expect, test } from "bun:test";
import { type Arguments, readArguments } from "../../lib/cli/args.ts";
import type { Command } from "../../lib/cli/commands/row.ts";
import { findCommand } from "../../lib/cli/commands.ts";
import type { Target } from "../../lib/family/family.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import { consolesBefore } from "../../lib/oci/kargs.ts";
import { BootFiles } from "../../lib/vm/disk/boot-files.ts";
import { installWords, placeConsoles } from "../../lib/vm/disk/bootc.ts";
import { bootLoaderFiles } from "../../lib/vm/disk/esp.ts";
import { usualDisk } from "../../lib/vm/disk/kept.ts";
import { layout, MiB, partitionScript } from "../../lib/vm/disk/partitions.ts";
import { diskWish, machineWish } from "../../lib/vm/options.ts";
import { BootWatch, lastLines, plain, readyLine } from "../../lib/vm/phases.ts";
import { freePort, sshGreets } from "../../lib/vm/ports.ts";
import { guestStrings, type Machine, qemuArguments } from "../../lib/vm/qemu.ts";
import { readyCredentials } from "../../lib/vm/ready-unit.ts";
import { remoteLine } from "../../lib/vm/ssh.ts";

function args(command: string, ...argv: string[]): Arguments {
  return readArguments(findCommand(command) as Command, argv);
}

const code = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return (error as { code?: number }).code;
  }
  return "no failure";
};

describe("a port that leads to an sshd", () => {
  /** A server that says this to whoever comes. */
  const says = (text: string) =>
    Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined, open: (s) => void s.write(text) } });

  test.each([
    ["SSH-2.0-OpenSSH_10.0\r\n", true],
    ["HTTP/1.1 400 Bad Request\r\n", false],
    // QEMU takes a connection when its guest is not there yet
    ["", false],
  ])("%j", async (text, greets) => {
    using server = says(text);
    expect(await sshGreets(server.port, 100)).toBe(greets);
  });

  test("nobody listens", async () => expect(await sshGreets(freePort(), 100)).toBe(false));

  test("the console tells when it is worth a try", () => {
    const watch = new BootWatch("n", () => 0);
    watch.hear("         Starting ssh.service - OpenBSD Secure Shell server...\r\n");
    expect(watch.sshd).toBe(false);
    watch.hear("[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mssh.service\x1b[0m - OpenBSD Secure Shell server.\r\n");
    expect(watch.sshd).toBe(true);
  });
});

test.each([
  [[], []],
  [["true"], ["--", "true"]],
  [["uptime; id -un"], ["--", "uptime; id -un"]],
  [
    ["echo", "a b", "$HOME"],
    ["--", "echo 'a b' '$HOME'"],
  ],
])("%j is sent to a guest's shell as %j", (words, line) => {
  expect(remoteLine(words)).toEqual(line);
});

describe("what a command line asks of a machine", () => {
  test("options that may be given several times keep their order; what stands after -- is a command", () => {
    const given = args(
      "boot-vm",
      "amd64",
      "minimal",
      "--port",
      "1:2",
      "--port=3:4",
      "--ssh",
      "--",
      "ls",
      "-l",
      "--all",
    );
    expect(given.words).toEqual(["amd64", "minimal"]);
    const wish = machineWish(given);
    expect(wish.ports).toEqual([
      { host: 1, guest: 2 },
      { host: 3, guest: 4 },
    ]);
    expect(wish.show).toBe("ssh");
    expect(wish.command).toEqual(["ls", "-l", "--all"]);
    expect(machineWish(args("boot-vm", "-d")).detached).toBe(true);
  });

  test("a command without rest takes words after -- as its own", () => {
    expect(code(() => args("disk", "a", "b", "--", "c"))).toBe(2);
  });

  test.each([
    [["--port", "80"]],
    [["--port", "0:80"]],
    [["--port", "1:70000"]],
    [["--memory", "64"]],
    [["--memory", "much"]],
    [["--cpus", "0"]],
    [["--credential", "novalue"]],
    [["--ssh", "-d"]],
    [["--console", "--ssh"]],
    [["--", "ls"]],
  ])("%p is refused as a mistake of the command line", (argv) => {
    expect(code(() => machineWish(args("boot-vm", ...argv)))).toBe(2);
  });

  test.each([[["--filesystem", "zfs"]], [["--size", "big"]], [["--karg", "a b"]]])("a disk with %p too", (argv) => {
    expect(code(() => diskWish(args("disk", ...argv)))).toBe(2);
  });

  test("sizes, and memory in MiB or with a unit", () => {
    expect(diskWish(args("disk", "--size", "20GB")).size).toBe(20e9);
    expect(machineWish(args("boot-vm", "--memory", "4GiB")).memory).toBe(4096);
    expect(machineWish(args("boot-vm", "--memory", "512")).memory).toBe(512);
    expect(machineWish(args("boot-vm", "--credential", "a.b=c=d")).credentials).toEqual({ "a.b": "c=d" });
  });
});

describe("a boot that is watched", () => {
  const watch = () => {
    let now = 0;
    const told: string[] = [];
    const one = new BootWatch(
      "N-1",
      () => now++,
      (phase) => told.push(phase),
    );
    return { one, told };
  };

  test("each phase is reported once, with its time, in the order in which it came", () => {
    const { one, told } = watch();
    for (const text of [
      "BdsDxe: starting Boot0001\r\n",
      "[    0.0] Linux ver",
      "sion 6.12\n",
      "Linux version 6.12\nBegin: Loading essential drivers",
      "\x1b[0;32m  OK  \x1b[0m Welcome to \x1b[1mDebian\x1b[0m!\n",
      `\n${readyLine("N-1")}\n`,
    ])
      one.hear(text);
    expect(told).toEqual(["firmware", "kernel", "initrd", "system", "target"]);
    expect([...one.reached.values()]).toEqual([0, 1, 2, 3, 4]);
    expect(one.last()).toBe("it came to: target");
  });

  test("no line but that with its own nonce is the target", () => {
    const { one } = watch();
    one.hear("[  OK  ] Reached target multi-user.target\n[  OK  ] Finished slipway-ready.service - Tell the host.\n");
    one.hear(`${readyLine("N-2")}\n guaraos login: `);
    expect(one.reached.has("target")).toBe(false);
    // what systemd may print of the unit (its text, its name, its command line) holds no nonce
    const { "slipway.nonce": nonce, ...told } = readyCredentials("N-1");
    expect(nonce).toBe("N-1");
    one.hear(Object.values(told).join("\n"));
    expect(one.reached.has("target")).toBe(false);
    one.hear(readyLine("N-1"));
    expect(one.reached.has("target")).toBe(true);
  });

  test.each([
    "[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs",
    "ALERT!  UUID=1-2 does not exist.  Dropping to a shell!",
    "You are in emergency mode. After logging in",
    "BdsDxe: No bootable option or device was found.",
    'BdsDxe: failed to load Boot0002 "UEFI Misc Device" from Pci(0x4,0x0): Access Denied -- rejected probably by Secure Boot',
  ])("%p ends it", (line) => {
    const { one } = watch();
    one.hear(`${line}\n`);
    expect(line).toContain(one.end ?? "nothing");
  });

  test("what a system says once it is up ends nothing", () => {
    const { one } = watch();
    one.hear(readyLine("N-1"));
    one.hear("Kernel panic - not syncing");
    expect(one.end).toBeUndefined();
  });

  test("the console's last lines are without colours and empty lines", () => {
    expect(lastLines("a\x1b[2J\x1b[01;01Hb\r\n\r\n\x1b[0m\r\nc  \r\n", 2)).toEqual(["ab", "c"]);
    expect(plain("one\rtwo")).toBe("one\ntwo");
  });
});

const machine: Machine = {
  name: "m",
  accelerator: ["-accel", "tcg"],
  memory: 512,
  cpus: 1,
  disk: { path: "/a,b/disk.raw", format: "raw", snapshot: true },
  ports: [
    { host: 2022, guest: 22 },
    { host: 8080, guest: 80 },
  ],
  window: false,
  strings: ["string-0"],
};

describe("QEMU's words", () => {
  const words = (more: Partial<Machine> = {}) => qemuArguments({ ...machine, ...more }).join(" ");

  test("ports lead to this machine alone, a comma in a path is doubled, nothing secret is in them", () => {
    expect(words()).toContain("hostfwd=tcp:127.0.0.1:2022-:22,hostfwd=tcp:127.0.0.1:8080-:80");
    expect(words()).toContain("file=/a,,b/disk.raw,snapshot=on");
    expect(words()).toContain("-smbios type=11,path=string-0");
    expect(words()).not.toContain("pflash");
  });

  test("a kept disk is not thrown away; firmware, share and TPM come with what they need", () => {
    expect(words({ disk: { ...machine.disk, snapshot: false } })).not.toContain("snapshot=on");
    const all = words({
      firmware: { code: "code.fd", variables: "variables.fd", secure: true },
      share: "share.sock",
      tpm: "tpm.sock",
    });
    expect(all).toContain("-machine q35,smm=on");
    expect(all).toContain("readonly=on,file=code.fd");
    expect(all).toContain("memory-backend-memfd,id=memory,size=512M,share=on");
    expect(all).toContain("emulator,id=tpm,chardev=tpm");
  });

  test("credentials travel as base64, kernel arguments for boot loader and stub", () => {
    const [credential, ...kargs] = guestStrings({ "my.name": "a,b\n" }, ["x=1", "y"]);
    expect(credential).toBe(`io.systemd.credential.binary:my.name=${btoa("a,b\n")}`);
    expect(kargs).toEqual(["io.systemd.boot.kernel-cmdline-extra=x=1 y", "io.systemd.stub.kernel-cmdline-extra=x=1 y"]);
  });
});

describe("a disk", () => {
  test("is a boot partition, then a root that fills it, each on a whole MiB", () => {
    const plan = layout(8e9);
    expect(plan.esp).toEqual({ at: MiB, size: 512 * MiB });
    expect(plan.root.at).toBe(513 * MiB);
    expect(plan.root.at + plan.root.size + MiB).toBe(plan.size);
    expect(plan.size).toBeLessThanOrEqual(8e9);
    expect(partitionScript(plan)).toMatch(/^label: gpt\nstart=1MiB, size=512MiB, type=C12A7328.*\nstart=513MiB, /);
  });

  const entry = (path: string, more: Partial<Entry> = {}): Entry => ({
    ...{ path, kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0, size: 1, at: 0 },
    ...more,
  });

  function read(paths: Record<string, string>, links: Record<string, string> = {}): BootFiles {
    const files = new BootFiles();
    for (const [path, text] of Object.entries(paths)) {
      const one = entry(path);
      if (files.entry(one)) files.file(one, Buffer.from(text));
    }
    for (const [path, target] of Object.entries(links)) files.entry(entry(path, { kind: "link", target }));
    return files;
  }

  test("takes kernel and initramfs from beside the modules, the newest, or else from /boot", () => {
    const both = read({
      "boot/vmlinuz-9": "boot",
      "usr/lib/modules/6.1/vmlinuz": "old",
      "usr/lib/modules/6.9/vmlinuz": "new",
      "usr/lib/modules/6.9/initramfs.img": "i",
    });
    expect(both.get("kernel")?.toString()).toBe("new");
    expect(both.get("initrd")?.toString()).toBe("i");
    const boot = read({
      "boot/vmlinuz-linux": "k",
      "boot/initramfs-linux-fallback.img": "f",
      "boot/initramfs-linux.img": "i",
    });
    expect([boot.get("kernel"), boot.get("initrd")].map(String)).toEqual(["k", "i"]);
  });

  const modules = (version: string) => ({
    [`usr/lib/modules/${version}/vmlinuz`]: `kernel ${version}`,
    [`usr/lib/modules/${version}/initramfs.img`]: `initramfs ${version}`,
  });
  const boot = (version: string) => ({
    [`boot/vmlinuz-${version}`]: `kernel ${version}`,
    [`boot/initrd.img-${version}`]: `initramfs ${version}`,
  });
  test.each<[string, Record<string, string>, string]>([
    ["6.10 is newer than 6.9", { ...modules("6.9.3-1"), ...modules("6.10.1-1") }, "6.10.1-1"],
    ["in /boot too", { ...boot("6.1.0-9-amd64"), ...boot("6.1.0-31-amd64") }, "6.1.0-31-amd64"],
    ["a newer initramfs of nobody's", { ...boot("6.9"), "boot/initrd.img-6.10.old-dkms": "old" }, "6.9"],
    ["a newer kernel without one", { ...modules("6.9"), "usr/lib/modules/6.10/vmlinuz": "alone" }, "6.9"],
    [
      "a backup beside it",
      { ...boot("6.9"), "boot/initrd.img-6.9.dpkg-bak": "bak", "boot/vmlinuz-6.9.old": "k" },
      "6.9",
    ],
    ["a newer pair in /boot: bootc boots what lies beside the modules", { ...modules("6.9"), ...boot("6.10") }, "6.9"],
    [
      "the kernel beside the modules, its initramfs in /boot",
      { "usr/lib/modules/6.9/vmlinuz": "kernel 6.9", "boot/initramfs-6.9.img": "initramfs 6.9", ...boot("6.8") },
      "6.9",
    ],
    ["names without a version", { "boot/vmlinuz": "kernel x", "boot/initrd.img": "initramfs x" }, "x"],
    ["one of each, of other names", { "boot/vmlinuz-a": "kernel x", "boot/initramfs.img": "initramfs x" }, "x"],
  ])("kernel and initramfs are of one version, the newest: %s", (_, files, version) => {
    const found = read(files);
    expect([found.get("kernel"), found.get("initrd")].map(String)).toEqual([
      `kernel ${version}`,
      `initramfs ${version}`,
    ]);
  });

  test("no initramfs is better than another kernel's", () => {
    const found = read({ "boot/vmlinuz-6.9": "k", "boot/initrd.img-6.8": "i", "boot/initrd.img-6.7": "j" });
    expect([found.get("kernel")?.toString(), found.get("initrd")]).toEqual(["k", undefined]);
    expect(found.lacks()).toContain("initramfs");
  });

  test("a kernel that is a second name of another file is found", () => {
    const files = read({ "boot/vmlinuz-6": "k" }, { "usr/lib/modules/6/vmlinuz": "boot/vmlinuz-6" });
    expect(files.get("kernel")?.toString()).toBe("k");
  });

  test("says what an image lacks for a boot", () => {
    expect(read({}).lacks()).toEqual(["kernel", "initramfs", "init", "sshd", "network"]);
    const whole = read({
      "usr/lib/modules/6/vmlinuz": "k",
      "usr/lib/modules/6/initramfs.img": "i",
      "usr/sbin/init": "",
      "etc/systemd/system/multi-user.target.wants/ssh.service": "",
      "etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "",
    });
    expect(whole.lacks()).toEqual([]);
    expect(read({ "boot/EFI/Linux/a.efi": "u", "usr/lib/systemd/systemd": "" }).lacks()).toEqual(["sshd", "network"]);
  });

  test("kernel arguments come from the image, in order, for this kind of machine", () => {
    const files = read({
      "usr/lib/bootc/kargs.d/20-b.toml": 'kargs = ["quiet"]',
      "usr/lib/bootc/kargs.d/10-a.toml": 'kargs = ["a=1", "b"]\nmatch-architectures = ["x86_64"]',
      "usr/lib/bootc/kargs.d/30-c.toml": 'kargs = ["c"]\nmatch-architectures = ["aarch64"]',
    });
    expect(files.kargs()).toEqual(["a=1", "b", "quiet"]);
  });

  test("a kargs.d that bootc could not read is refused", () => {
    expect(() => read({ "usr/lib/bootc/kargs.d": "kargs = []" }).kargs()).toThrow("kargs.d: it is not a folder");
    expect(() => read({ "usr/lib/bootc/kargs.d/a.toml": "karg = []" }).kargs()).toThrow("bootc knows no key `karg`");
  });

  describe("our consoles", () => {
    const ours = ["console=tty0", "console=ttyS0,115200"];
    test.each<[string[], string[]]>([
      [[], ours],
      [["quiet"], ours],
      [["console=hvc0"], ours],
      [["console=tty0"], ["console=ttyS0,115200"]],
      [["console=ttyS0,9600", "console=tty0"], []],
      [["console=ttyS1"], ours],
    ])("beside %j", (others, left) => expect(consolesBefore(ours, others)).toEqual(left));

    const install = (image: string[], more: object = {}, kargs: string[] = []) => {
      const flavor = { install: more };
      const target = { reference: "r", flavor } as unknown as Target;
      const options = { ...usualDisk, kargs };
      const asked = placeConsoles(target, options, image);
      const words = installWords(target, options, "/f", "/g", asked);
      return { early: asked.early, words: words.filter((w) => w.includes("karg") || w.includes("install/")) };
    };
    const early = "--mount=type=bind,source=/f/consoles.toml,destination=/run/bootc/install/00-slipway.toml,ro";

    test("follow an image that names none", () =>
      expect(install(["quiet"], {}, ["k=1"])).toEqual({
        early: undefined,
        words: [...ours.map((word) => `--karg=${word}`), "--karg=k=1"],
      }));
    test("go before an image's own, the last of which stays last", () => {
      expect(install(["console=tty0"], {}, ["k=1"])).toEqual({
        early: '[install]\nkargs = ["console=ttyS0,115200"]\n',
        words: [early, "--karg=k=1"],
      });
      expect(install(["console=ttyS0", "console=tty0"])).toEqual({ early: undefined, words: [] });
    });
    test("are `--karg` with composefs, which has the image's behind them", () =>
      expect(install(["console=tty0"], { composefs: true })).toEqual({
        early: undefined,
        words: ["--karg=console=ttyS0,115200"],
      }));
    test("do not repeat the user's", () =>
      expect(install([], {}, ["console=tty0"]).words).toEqual(["--karg=console=ttyS0,115200", "--karg=console=tty0"]));
  });

  test("the boot loader's entry names kernel, initramfs and arguments", () => {
    const b = Buffer.from("x");
    const files = bootLoaderFiles({ loader: b, kernel: b, initrd: b, title: "t", cmdline: "root=UUID=1 rw" });
    expect(files["loader/entries/slipway.conf"]).toBe(
      "title t\nlinux /slipway/linux\ninitrd /slipway/initrd\noptions root=UUID=1 rw\n",
    );
    expect(files["EFI/BOOT/BOOTX64.EFI"]).toBe(b);
  });
});
