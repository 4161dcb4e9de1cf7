// The functions of dnf for a build, with a dnf and an rpm of a few lines; and what an initramfs is made of.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const helpers = resolve(import.meta.dir, "../../containerfiles/helpers");
let top = "";

function put(path: string, text: string): void {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
}

function program(name: string, body: string): void {
  put(`bin/${name}`, `#!/bin/bash\n${body}\n`);
  chmodSync(join(top, "bin", name), 0o755);
}

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "slipway-dnf-"));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function bash(line: string): { code: number; out: string } {
  const { exitCode, stdout } = Bun.spawnSync(["bash", "-c", line], {
    env: { PATH: `${join(top, "bin")}:${process.env.PATH ?? "/usr/bin:/bin"}`, TOP: top, SLIPWAY_ROOT: top },
  });
  return { code: exitCode, out: stdout.toString() };
}

const run = (line: string) => bash(`set -euo pipefail; . ${helpers}/pm-dnf.sh; ${line}`);

test("every call of dnf leaves weak dependencies out, and signatures and missing repositories to no repository's file", () => {
  program("dnf5", 'echo "dnf5 $*"');
  for (const line of ["pm_install a b", "pm_upgrade"]) {
    const { out } = run(line);
    expect(out).toContain("--setopt=install_weak_deps=False --setopt=gpgcheck=True --setopt=*.gpgcheck=True");
    expect(out).toContain("--setopt=*.skip_if_unavailable=False --setopt=installonlypkgs= ");
    expect(out).not.toMatch(/nogpgcheck|skip-broken|skip-unavailable/);
  }
  expect(run("pm_install a b").out).toEndWith(" install -- a b\n");
});

test("a package is there, be it one that cannot be installed", () => {
  program(
    "dnf5",
    'case "$*" in *none) echo "No match for argument: none"; exit 1 ;; *bad) echo "Problem: conflicting requests"; exit 1 ;; esac',
  );
  expect(["none", "bad", "good"].map((name) => run(`pm_exists ${name}`).code)).toEqual([1, 0, 0]);
});

test("rpm's keys are no packages, and its files are named as they lie on the disk", () => {
  program(
    "rpm",
    'case $1 in -qa) printf "zlib\\ngpg-pubkey\\nbash\\ngpg-pubkey\\n" ;; *) printf "/lib/modules/6.1/a.ko\\n/bin/sh\\n/usr/lib64/b\\n(contains no files)\\n/lib64/c\\n/etc/libx\\n" ;; esac',
  );
  expect(run("pm_list").out).toBe("bash\nzlib\n");
  expect(run("pm_owned").out.split("\n").sort().join(" ")).toBe(
    " /etc/libx /usr/bin/sh /usr/lib/modules/6.1/a.ko /usr/lib64/b /usr/lib64/c",
  );
});

test("a package database that is broken, or cannot be read, ends the step", () => {
  program("find", "");
  program("rm", "");
  program("rpmdb", "exit 1");
  expect(run("pm_tidy").code).toBe(1);
  program("rpmdb", '[ "$*" = --verifydb ]');
  expect(run("pm_tidy").code).toBe(0);
  program("rpm", "exit 1");
  expect([run("pm_list").code, run("pm_owned").code]).toEqual([1, 1]);
});

test("package files are known by the name that rpm reads in them", () => {
  program("dnf5", 'echo "${@: -2}"');
  program("rpm", 'cat "${@: -1}"');
  put("files/any-1.rpm", "one");
  put("files/one-2.rpm", "other");
  expect(run(`pm_install_files ${top}/files one`).out).toBe(`-- ${top}/files/any-1.rpm\n`);
  expect(run(`pm_install_files ${top}/files any`)).toEqual({
    code: 1,
    out: `error: no package file of any in ${top}/files\n`,
  });
});

describe("what goes into an initramfs", () => {
  const hash = () => {
    const { code, out } = bash(`${helpers}/initramfs-inputs`);
    expect(code).toBe(0);
    return out;
  };
  const parts = [
    "usr/lib/modules/6.1/vmlinuz",
    "usr/lib/modules/6.1/kernel/a.ko",
    "etc/dracut.conf.d/a.conf",
    "usr/lib/ostree/b",
  ];
  beforeEach(() => {
    for (const path of parts) put(path, path);
  });

  test.each([...parts, "usr/lib/modprobe.d/c.conf", "usr/lib/firmware/amd-ucode/d.bin", "etc/crypttab"])(
    "%s counts",
    (path) => {
      const before = hash();
      mkdirSync(dirname(join(top, path)), { recursive: true });
      appendFileSync(join(top, path), "more");
      expect(hash()).not.toBe(before);
    },
  );

  test("a link counts by where it leads, a file by its name too", () => {
    const before = hash();
    symlinkSync("a", join(top, "etc/dracut.conf.d/link"));
    const first = hash();
    rmSync(join(top, "etc/dracut.conf.d/link"));
    expect(hash()).toBe(before);
    symlinkSync("b", join(top, "etc/dracut.conf.d/link"));
    expect(new Set([before, first, hash()]).size).toBe(3);
  });

  test("not what is made of it, nor anything else", () => {
    const before = hash();
    for (const path of [
      "usr/lib/modules/6.1/initramfs.img",
      "usr/lib/modules/6.1/modules.dep",
      "usr/lib/systemd/systemd",
      "etc/fstab",
    ])
      put(path, "x");
    expect(hash()).toBe(before);
  });
});

/** Which functions an image gets, by its os-release and programs. */
test("Fedora's kind is known by its name, though it has programs of others", () => {
  const text = readFileSync(join(helpers, "pm.sh"), "utf8").replaceAll("/etc/os-release", "$TOP/os-release");
  put("pm.sh", text.replaceAll("${BASH_SOURCE[0]%/*}", helpers));
  for (const name of ["rpm", "pacman", "apt-get"]) program(name, "");
  const manager = (release: string) => {
    put("os-release", release);
    return bash(`. ${top}/pm.sh; echo $PM_TOOL`).out.trim();
  };
  expect(manager("NAME=x\nID=fedora\n")).toBe("dnf");
  expect(manager('ID="centos"\nID_LIKE="rhel fedora"\n')).toBe("dnf");
  expect(manager("ID=bazzite\nID_LIKE=fedora\n")).toBe("dnf");
  for (const other of ["ID=cachyos\nID_LIKE=arch\n", "ID=notfedora\n", "NAME=fedora\nVARIANT_ID=fedora\n"])
    expect(manager(other)).toBe("pacman");
});
