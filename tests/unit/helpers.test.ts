// The helpers that run inside a build, on a root below a temporary folder and with a package manager of ten lines.
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const helpers = resolve(import.meta.dir, "../../containerfiles/helpers");
let top = "";
let root = "";

/** A repository is a folder of folders: NAME/ is laid out as the root, NAME.owned lists what the package owns, NAME.needs what comes along. */
const fakeManager = `
PM_TOOL=fakepm
db=$SLIPWAY_ROOT/var/lib/fakepm
log=$FAKE/calls
pm_refresh() { echo refresh >>"$log"; }
pm_list() { ls "$db"; }
pm_owned() { find "$db" -type f -exec cat {} + | sort -u; }
pm_exists() { [ -d "$FAKE/repo/$1" ]; }
pm_remove() { echo "remove $*" >>"$log"; rm "$db/$1"; }
put() {
    cp -a "$FAKE/repo/$1/." "$SLIPWAY_ROOT/"
    cp "$FAKE/repo/$1.owned" "$db/$1"
    for along in $(cat "$FAKE/repo/$1.needs" 2>/dev/null); do put "$along"; done
}
pm_install() {
    echo "install $*" >>"$log"
    for package; do [ -d "$FAKE/repo/$package" ] || { echo "reading"; echo "E: cannot find $package" >&2; exit 100; }; done
    for package; do put "$package"; done
}
pm_install_files() { echo "files $*" >>"$log"; }
pm_tidy() { rm -rf "$SLIPWAY_ROOT/usr/share/log"; }
`;

function put(path: string, text = ""): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A package whose `owned` files are its own and whose `loose` files nobody knows (what an install script leaves behind). */
function publish(name: string, parts: { owned?: string[]; loose?: string[]; needs?: string[] }): void {
  for (const path of [...(parts.owned ?? []), ...(parts.loose ?? [])]) put(join(top, "repo", name, path), name);
  mkdirSync(join(top, "repo", name), { recursive: true });
  put(join(top, "repo", `${name}.owned`), (parts.owned ?? []).map((path) => `${path}\n`).join(""));
  if (parts.needs) put(join(top, "repo", `${name}.needs`), parts.needs.join(" "));
}

function run(helper: string, ...args: string[]): { code: number; out: string; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([join(helpers, helper), ...args], {
    env: {
      PATH: `${join(top, "bin")}:${process.env.PATH ?? "/usr/bin:/bin"}`,
      FAKE: top,
      SLIPWAY_ROOT: root,
      SLIPWAY_PM: join(top, "pm.sh"),
    },
  });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const calls = (): string[] => readFileSync(join(top, "calls"), "utf8").trim().split("\n");
const tagged = (): string[] =>
  existsSync(join(top, "tagged")) ? readFileSync(join(top, "tagged"), "utf8").trim().split("\n") : [];

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "slipway-helpers-"));
  root = join(top, "root");
  put(join(top, "pm.sh"), fakeManager);
  // Stands for the real one, which needs a file system with attributes: one line per file.
  put(
    join(top, "bin/setfattr"),
    '#!/bin/sh\nname=$2 value=$4\nshift 5\nfor path; do echo "$name=$value ${path#"$SLIPWAY_ROOT"}" >>"$FAKE/tagged"; done\n',
  );
  chmodSync(join(top, "bin/setfattr"), 0o755);
  for (const folder of ["etc", "opt", "usr/lib", "var/lib/fakepm"]) mkdirSync(join(root, folder), { recursive: true });
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

test("a group is recorded with what was asked for and what came along, in the order of installation", () => {
  publish("shell", { owned: ["/usr/bin/shell"], needs: ["libline"] });
  publish("libline", { owned: ["/usr/lib/libline.so"] });
  publish("clock", { owned: ["/usr/bin/clock"] });
  expect(run("group", "zeta", "weekly", "--", "shell").code).toBe(0);
  expect(run("group", "alpha", "daily", "--", "clock").code).toBe(0);
  expect(JSON.parse(read("usr/lib/slipway/groups.json"))).toEqual({
    groups: [
      { name: "zeta", interval: "weekly", packages: ["shell"], also: ["libline"] },
      { name: "alpha", interval: "daily", packages: ["clock"], also: [] },
    ],
  });
});

test("only files that came with the step and that nothing owns are tagged", () => {
  put(join(root, "etc/passwd"), "root");
  publish("shell", {
    owned: ["/usr/bin/shell", "/opt/shell/data"],
    loose: ["/usr/lib/cache of shell", "/etc/passwd", "/var/lib/shell/state"],
  });
  expect(run("group", "tools", "weekly", "--", "shell").code).toBe(0);
  expect(tagged()).toEqual([
    "user.component=tools /usr/lib/cache of shell",
    "user.component=tools /usr/lib/slipway/groups.d/000-tools.json",
  ]);
});

test("what the tidying removes is not tagged", () => {
  publish("shell", { owned: [], loose: ["/usr/share/log/install.log"] });
  expect(run("group", "tools", "weekly", "--", "shell").code).toBe(0);
  expect(existsSync(join(root, "usr/share/log"))).toBe(false);
  expect(tagged()).toHaveLength(1);
});

test("a replaced package goes alone, the new ones come together, then the rest", () => {
  for (const name of ["mesa", "lib32-mesa", "mesa-git", "lib32-mesa-git", "radv", "vulkan"])
    publish(name, { owned: [`/usr/lib/${name}`] });
  expect(run("group", "old", "yearly", "--", "mesa", "lib32-mesa").code).toBe(0);
  rmSync(join(top, "calls"));
  const args = ["--replace", "mesa=mesa-git", "--replace", "lib32-mesa=lib32-mesa-git", "--replace", "absent=radv"];
  expect(run("group", "graphics", "biweekly", ...args, "--", "vulkan").code).toBe(0);
  expect(calls()).toEqual([
    "refresh",
    "remove mesa",
    "remove lib32-mesa",
    "install mesa-git lib32-mesa-git radv",
    "install vulkan",
  ]);
});

test("package files are handed over with their folder", () => {
  expect(run("group", "aur", "weekly", "--files", top, "--", "heroic").code).toBe(0);
  expect(calls()).toEqual(["refresh", `files ${top} heroic`]);
});

test("a package that does not exist: the group, the package, the tool's own words, exit code 1", () => {
  publish("shell", { owned: [] });
  const { code, err, out } = run("group", "tools", "weekly", "--", "shell", "shel");
  expect(code).toBe(1);
  expect(err).toBe("slipway: group tools: there is no package shel\nslipway: fakepm said:\n    E: cannot find shel\n");
  expect(out).toContain("reading\nE: cannot find shel\n");
  expect(existsSync(join(root, "usr/lib/slipway"))).toBe(false);
});

test.each([
  [["", "weekly", "--", "a"], "'' is not a group name"],
  [["tools", "hourly", "--", "a"], "'hourly' is not an interval"],
  [["tools", "weekly", "--"], "no package given"],
  [["tools", "weekly", "--replace", "mesa", "--", "a"], "--replace wants OLD=NEW, not 'mesa'"],
  [["tools", "weekly", "--files", "/nowhere", "--", "a"], "--files wants a folder, not '/nowhere'"],
  [["tools", "weekly", "--", 'a"b'], `'a"b' is not a package name`],
  [["tools", "weekly", "--all"], "unknown argument '--all'"],
])("group %j is refused", (args, words) => {
  const { code, err } = run("group", ...args);
  expect(code).toBe(2);
  expect(err).toContain(words);
});

test("a stray /usr/etc wins over /etc and is gone; /opt is moved, and again for a newer version", () => {
  put(join(root, "etc/app/conf"), "old");
  put(join(root, "etc/app/kept"), "kept");
  put(join(root, "usr/etc/app/conf"), "new");
  put(join(root, "usr/etc/.hidden"), "hidden");
  put(join(root, "opt/app/bin"), "1");
  expect(run("merge-etc").code).toBe(0);
  put(join(root, "opt/app/bin"), "2");
  expect(run("merge-etc").code).toBe(0);
  expect(existsSync(join(root, "usr/etc"))).toBe(false);
  expect([read("etc/app/conf"), read("etc/app/kept"), read("etc/.hidden"), read("usr/lib/opt/app/bin")]).toEqual([
    "new",
    "kept",
    "hidden",
    "2",
  ]);
  expect(existsSync(join(root, "opt/app"))).toBe(false);
});

test("what lands in /var/opt, because /opt is a link there, is the image's, and a link leads to it", () => {
  rmSync(join(root, "opt"), { recursive: true });
  symlinkSync("var/opt", join(root, "opt"));
  put(join(root, "var/opt/app/bin"), "1");
  symlinkSync("/somewhere", join(root, "var/opt/kept"));
  for (const _ of [1, 2]) {
    expect(run("merge-etc").code).toBe(0);
    expect([read("usr/lib/opt/app/bin"), readlinkSync(join(root, "var/opt/app"))]).toEqual(["1", "/usr/lib/opt/app"]);
  }
  expect(readlinkSync(join(root, "var/opt/kept"))).toBe("/somewhere");
});

test("a kernel is moved from /boot to its modules, and stays where it has none", () => {
  mkdirSync(join(root, "usr/lib/modules/6.12"), { recursive: true });
  for (const name of ["vmlinuz-6.12", "config-6.12", "vmlinuz-6.1"]) put(join(root, "boot", name), name);
  expect(run("merge-etc").code).toBe(0);
  expect([read("usr/lib/modules/6.12/vmlinuz"), read("usr/lib/modules/6.12/config")]).toEqual([
    "vmlinuz-6.12",
    "config-6.12",
  ]);
  expect(readdirSync(join(root, "boot"))).toEqual(["vmlinuz-6.1"]);
});

test("of an older kernel nothing stays but what a package owns", () => {
  const modules = (path: string) => join(root, "usr/lib/modules", path);
  for (const path of [
    "6.18/vmlinuz",
    "6.18/initramfs.img",
    "6.17/initramfs.img",
    "6.17/modules.dep",
    "6.1/initramfs.img",
  ])
    put(modules(path), path);
  publish("driver", { owned: ["/usr/lib/modules/6.1/extra/driver.ko"] });
  expect(run("group", "drivers", "weekly", "--", "driver").code).toBe(0);
  expect(run("one-kernel")).toMatchObject({ code: 0, out: "one-kernel: removed 6.17, which no package owns\n" });
  expect(readdirSync(modules("")).sort()).toEqual(["6.1", "6.18"]);
  expect(readdirSync(modules("6.1")).sort()).toEqual(["extra", "initramfs.img"]);
  expect(readdirSync(modules("6.18")).sort()).toEqual(["initramfs.img", "vmlinuz"]);
});

test("a group leaves no identity, key, log or date behind", () => {
  const left = [
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/passwd-",
    "/var/log/dpkg.log",
    "/var/lib/systemd/random-seed",
    "/run/systemd/resolv.conf",
  ];
  publish("daemon", { loose: [...left, "/etc/machine-id", "/var/log/daemon/.keep-dir/x"] });
  put(join(root, "etc/shadow"), "root:*:20778:0:99999:7:::\nold:!::0:99999:7:::\n");
  expect(run("group", "tools", "weekly", "--", "daemon").code).toBe(0);
  expect(left.filter((path) => existsSync(join(root, path)))).toEqual([]);
  expect(read("etc/machine-id")).toBe("");
  expect(existsSync(join(root, "var/log/daemon"))).toBe(true);
  expect(read("etc/shadow")).toBe("root:*::0:99999:7:::\nold:!::0:99999:7:::\n");
});

test("nothing to merge leaves nothing behind", () => {
  expect(run("merge-etc").code).toBe(0);
  expect(existsSync(join(root, "usr/lib/opt"))).toBe(false);
});

test("write makes the folders, replaces a link, and can write an empty file", () => {
  put(join(root, "etc/target"), "untouched");
  mkdirSync(join(root, "etc/x.d"), { recursive: true });
  symlinkSync("../target", join(root, "etc/x.d/a.conf"));
  expect(run("write", "/etc/x.d/a.conf", "one = '1'", "\\two").code).toBe(0);
  expect(run("write", "/usr/lib/new/empty.conf").code).toBe(0);
  expect(read("etc/x.d/a.conf")).toBe("one = '1'\n\\two\n");
  expect(read("etc/target")).toBe("untouched");
  expect(read("usr/lib/new/empty.conf")).toBe("");
  expect(lstatSync(join(root, "etc/x.d/a.conf")).mode & 0o7777).toBe(0o644);
  expect(run("write", "relative").code).toBe(2);
});

test("outside of an image the helpers refuse to change the machine", () => {
  // Asked by all that destroy; they themselves are not tried here, for the day on which this goes wrong.
  const { exitCode, stderr } = Bun.spawnSync([join(helpers, "only-in-build")], { env: { PATH: "/usr/bin:/bin" } });
  expect(exitCode).toBe(2);
  expect(stderr.toString()).toContain("it would change this machine");
  for (const name of [
    "group",
    "merge-etc",
    "tidy",
    "clean",
    "upgrade",
    "initramfs",
    "one-kernel",
    "debian-setup",
    "debian-state",
  ]) {
    const [, command] = /^set -eu.*\n(.*)\n/m.exec(readFileSync(join(helpers, name), "utf8")) ?? [];
    expect(`${name}: ${command}`).toBe(`${name}: "$(dirname "$0")"/only-in-build`);
  }
});
