// reaches: kargs
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { globSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { tool } from "../../lib/tools/tools.ts";
import { BootcHost, digestOf, entry, status } from "../support/bootc-host.ts";
import { checkout, exec, Project, type Said, testStorage } from "../support/sandbox.ts";

// `bun run kargs`: arguments of a real image, and a real ostree that changes those of a real deployment.

setDefaultTimeout(300_000);
let project: Project;
let host: BootcHost;
const reference = "localhost/acme/os-one:amd64";

const run = (...args: string[]): Promise<Said> =>
  exec([process.execPath, join(checkout, "scripts/kargs.ts"), ...args], { ...project.env, ...host.env });

async function image(name: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) project.write(join(name, path), text);
  project.write(`${name}/none`, "");
  const recipe = `FROM scratch\nCOPY ${name}/ /\n`;
  project.write("Image", recipe);
  const { code, stderr } = await project.podman(
    ...[
      "build",
      "--quiet",
      "--tag",
      `localhost/acme/os-${name}:amd64`,
      "--file",
      join(project.root, "Image"),
      project.root,
    ],
  );
  if (code !== 0) throw new Error(stderr);
}

beforeAll(async () => {
  Object.assign(process.env, testStorage());
  project = new Project([]);
  project.write(
    "flavors/family.yaml",
    "name: acme\ntitle: Acme\nregistry: localhost/acme\nprefix: os\nkey: acme.pub\nopenRegistries: []\n" +
      "default: {arch: amd64, flavor: one}\narches:\n  amd64: {base: {debian: trixie}}\n",
  );
  project.write("containerfiles/tiny.Containerfile", "# @base\nFROM ${BASE}\n# @overlay\n# @files\n");
  project.write("acme.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
  for (const name of ["one", "two", "three", "four", "absent"])
    project.write(`flavors/${name}.yaml`, `title: ${name}\nrecipe: tiny\narches: [amd64]\n`);
  await image("one", {
    "usr/lib/bootc/kargs.d/90-b.toml": 'kargs = ["preempt=full", "console=ttyS0"]\n',
    "usr/lib/bootc/kargs.d/10-a.toml": 'kargs = ["quiet", "dyndbg=\\"file a.c +p\\""]\n',
  });
  await image("two", {});
  await image("four", { "usr/lib/bootc/kargs.d": "kargs = []\n" });
  await image("three", { "usr/lib/bootc/kargs.d/bad.toml": 'karg = ["quiet"]\n' });
});

afterAll(async () => {
  for (const name of ["one", "two", "three", "four"])
    await project.podman("rmi", "--force", `localhost/acme/os-${name}:amd64`);
  project.remove();
});

beforeEach(() => {
  host = new BootcHost({ booted: entry("ghcr.io/acme/os-old:amd64", digestOf("a")) });
  host.write("usr/lib/bootc/kargs.d/10-old.toml", 'kargs = ["quiet", "nosmt"]\n');
  host.write("proc/cmdline", "BOOT_IMAGE=/v root=LABEL=r rw quiet nosmt console=tty0 ostree=/ostree/boot.1/x\n");
});

afterEach(() => host.remove());

/** rpm-ostree that says what is configured, and records what it is asked. */
const rpmOstree = (configured: string) =>
  host.program("rpm-ostree", `[ $# = 1 ] && echo '${configured}' || echo "rpm-ostree $*" >>"$STAND_IN_BOOTC/calls"`);

const changed = ["preempt=full", "console=ttyS0", 'dyndbg="file a.c +p"'].sort();

describe("shows", () => {
  test("an image against what runs", async () => {
    rpmOstree("root=LABEL=r rw quiet nosmt console=tty0");
    const { code, stdout, stderr } = await run("amd64", "one");
    expect(code).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(/ {2,}/)),
    ).toEqual([
      ["argument", "state", "instead of"],
      ["quiet", "running"],
      ['dyndbg="file a.c +p"', "missing"],
      ["preempt=full", "missing"],
      ["console=ttyS0", "missing", "console=tty0"],
      ["nosmt", "too much"],
    ]);
    expect(stderr).toBe("next: bun run kargs amd64 one --apply\n");
    expect(host.calls).toEqual([]);
  });

  test("as JSON", async () => {
    rpmOstree("root=LABEL=r rw quiet nosmt console=tty0");
    const { stdout } = await run("amd64", "one", "--json");
    const { add, drop, ...rest } = JSON.parse(stdout);
    expect([add.sort(), drop]).toEqual([changed, ["nosmt"]]);
    expect(rest).toMatchObject({ image: reference, applied: false, command: null });
  });

  test("the booted image, without any words", async () => {
    rpmOstree("root=LABEL=r quiet nosmt");
    expect(await run()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/quiet +running\nnosmt +running\n/),
      stderr: "the next boot has all that the image asks for\n",
    });
  });

  test("an image that asks for nothing", async () => {
    rpmOstree("root=LABEL=r rw");
    host.remove("usr");
    expect(await run("amd64", "two")).toMatchObject({
      code: 0,
      stdout: "localhost/acme/os-two:amd64 asks for no kernel arguments\n",
    });
  });

  test("a machine that was booted from no image", async () => {
    host.remove("usr");
    host.remove("bin/bootc");
    expect(await run()).toMatchObject({ code: 3, stderr: expect.stringContaining("bun run kargs ARCH FLAVOR") });
  });

  test("no container of ours is left", async () => {
    const containers = async () => (await project.podman("ps", "--all", "--quiet")).stdout;
    const before = await containers();
    await run("amd64", "two");
    expect(await containers()).toBe(before);
  });
});

describe("applies", () => {
  const configured = "root=LABEL=r rw quiet nosmt console=tty0";
  test("by rpm-ostree, where it is", async () => {
    rpmOstree(configured);
    expect(await run("amd64", "one", "--apply")).toMatchObject({ code: 0 });
    expect(host.calls).toEqual([
      'rpm-ostree kargs --delete=console=tty0 --append=console=ttyS0 --append=console=tty0 --append-if-missing=dyndbg="file a.c +p" --append-if-missing=preempt=full --delete-if-present=nosmt',
    ]);
  });

  test("--dry-run shows the line, quoted, and changes nothing", async () => {
    rpmOstree(configured);
    const { code, stderr } = await run("amd64", "one", "--apply", "--dry-run");
    expect(code).toBe(0);
    expect(stderr).toContain(
      `+ rpm-ostree kargs --delete=console=tty0 --append=console=ttyS0 --append=console=tty0 '--append-if-missing=dyndbg="file a.c +p"'`,
    );
    expect(host.calls).toEqual([]);
  });

  /** A real deployment below the machine's root, and a real ostree that is the machine's. @returns its `ostree=` */
  async function realOstree(): Promise<string> {
    const ostree = await tool("ostree", { mounts: [host.root] });
    const sysroot = host.path("");
    const make = `set -e; cd ${sysroot}; ostree admin init-fs --modern .; ostree admin --sysroot=. stateroot-init acme
mkdir -p tree/usr/lib/modules/1 tree/usr/etc; cd tree; echo k >usr/lib/modules/1/vmlinuz; echo i >usr/lib/modules/1/initramfs.img
echo ID=acme >usr/lib/os-release; cd ..; ostree config --repo=ostree/repo set sysroot.bootloader none
ostree --repo=ostree/repo commit --branch=acme --tree=dir=tree
ostree admin --sysroot=. deploy --os=acme --karg=root=LABEL=r --karg=rw --karg=quiet --karg=nosmt --karg=console=tty0 acme`;
    host.remove("proc");
    host.remove("sysroot");
    const made = await exec([...ostree.slice(0, -1), "sh", "-c", make]);
    if (made.code !== 0) throw new Error(made.stderr);
    symlinkSync(".", host.path("sysroot"));
    const [deployment = ""] = globSync("ostree/deploy/acme/deploy/*.0", { cwd: sysroot });
    const checksum = basename(deployment, ".0");
    const booted = { ...entry("ghcr.io/acme/os-old:amd64", digestOf("a")) };
    host.says(status({ booted: { ...booted, ostree: { checksum, deploySerial: 0, stateroot: "acme" } } }));
    const [, path = ""] = /(ostree=\S+)/.exec(conf()) ?? [];
    host.write("proc/cmdline", `root=LABEL=r rw quiet nosmt console=tty0 ${path}\n`);
    const words = [...ostree, "admin", "instutil", "set-kargs", `--sysroot=${sysroot}`].map((w) => `'${w}'`).join(" ");
    host.program("ostree", `echo "ostree $*" >>"$STAND_IN_BOOTC/calls"; shift 3; exec ${words} "$@"`);
    return path;
  }
  const conf = (name = "ostree-*.conf") => {
    const [file = ""] = globSync(`boot/loader/entries/${name}`, { cwd: host.path("") });
    return readFileSync(host.path(join("boot/loader/entries", basename(file))), "utf8");
  };
  const go = () => run("amd64", "one", "--apply");

  test("by a real ostree, on a real deployment; again changes nothing", async () => {
    await realOstree();
    expect(await go()).toMatchObject({ code: 0 });
    expect(conf()).toMatch(
      /^options root=LABEL=r rw quiet dyndbg="file a.c \+p" preempt=full console=ttyS0 console=tty0 ostree=\/ostree\/boot/m,
    );
    expect(host.calls).toHaveLength(1);
    const again = await go();
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/preempt=full +next boot/) });
    expect(host.calls).toHaveLength(1);
  });

  test("another system's entries are neither read nor written, and several options lines add up", async () => {
    await realOstree();
    const others: Record<string, string> = {
      "zz-fedora.conf": "title Fedora\nversion 999\noptions root=UUID=other ro ostree=/nowhere\n",
      "arch.conf": "title Arch\nversion 99\noptions root=/dev/sdb2 rw\n",
      "ostree-9-other.conf": "title Other\nversion 0\noptions root=UUID=third ostree=/ostree/boot.1/other/0/0\n",
    };
    for (const [name, text] of Object.entries(others)) host.write(`boot/loader/entries/${name}`, text);
    const [name = ""] = globSync("boot/loader/entries/ostree-1*.conf", { cwd: host.path("") });
    host.write(name, `${host.read(name)}options panic=30\n`);
    const { code, stderr } = await run("amd64", "one", "--apply", "--dry-run");
    expect([code, stderr]).toEqual([0, expect.stringContaining("--append=root=LABEL=r --append=rw")]);
    expect(stderr).toContain("--append=panic=30");
    expect(stderr).not.toMatch(/UUID|sdb2/);
    for (const [other, text] of Object.entries(others)) expect(host.read(`boot/loader/entries/${other}`)).toBe(text);
  });

  const unbootable: [string, () => unknown, RegExp][] = [
    [
      "no entry of the booted deployment",
      () => {
        host.remove("boot/loader/entries");
        host.write("boot/loader/entries/arch.conf", "version 9\noptions root=/dev/sdb2 rw\n");
      },
      /no ostree-\*\.conf of the boot loader leads to the booted deployment/,
    ],
    [
      "the next boot is another deployment",
      () => host.write("boot/loader/entries/ostree-2.conf", "version 7\noptions root=LABEL=r ostree=/other\n"),
      /the next boot uses another deployment \(ostree-2\.conf\)/,
    ],
    [
      "an old image that asked for root=, which the new one does not",
      () => host.write("usr/lib/bootc/kargs.d/10-old.toml", 'kargs = ["root=LABEL=r"]\n'),
      /root=LABEL=r would be lost/,
    ],
  ];
  test.each(unbootable)("never, with a real ostree: %s", async (_, make, message) => {
    await realOstree();
    make();
    const before = conf("*.conf");
    const { code, stderr } = await go();
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(stderr).toContain("the kernel arguments were not changed");
    expect(host.calls).toEqual([]);
    expect(conf("*.conf")).toBe(before);
  });

  test("never, by rpm-ostree either, what would lose root=", async () => {
    rpmOstree("root=LABEL=r rw");
    host.write("usr/lib/bootc/kargs.d/10-old.toml", 'kargs = ["root=LABEL=r"]\n');
    expect(await go()).toMatchObject({ code: 1, stderr: expect.stringContaining("root=LABEL=r would be lost") });
    expect(host.calls).toEqual([]);
  });

  const refused: [string, () => unknown, number, RegExp][] = [
    ["no bootc host", () => host.says(status({})), 3, /was not booted from an image/],
    [
      "something staged",
      () => host.says(status({ booted: entry("a/b:c", digestOf("a")), staged: entry("a/b:c", digestOf("b")) })),
      1,
      /something is staged/,
    ],
    [
      "a system of composefs alone",
      () =>
        host.says(status({ booted: { ...entry("a/b:c", digestOf("a")), ostree: null, composefs: { verity: "x" } } })),
      1,
      /kept by composefs/,
    ],
    [
      "a tool that fails",
      () =>
        host.program(
          "rpm-ostree",
          "[ $# = 1 ] && echo root=LABEL=r || { echo 'error: Transaction in progress' >&2; exit 1; }",
        ),
      1,
      /were not changed \(exit code 1\)\n.*Transaction in progress/,
    ],
  ];
  test.each(refused)("not: %s", async (_, make, code, message) => {
    rpmOstree(configured);
    make();
    expect(await run("amd64", "one", "--apply")).toMatchObject({ code, stderr: expect.stringMatching(message) });
    expect(host.calls).toEqual([]);
  });
});

test("an image that is not here, and one that bootc would not take", async () => {
  expect(await run("amd64", "absent")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("podman's storage has no localhost/acme/os-absent:amd64"),
  });
  expect(await run("amd64", "three")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("bad.toml: bootc knows no key `karg`"),
  });
  expect(await run("amd64", "four")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("/usr/lib/bootc/kargs.d: it is not a folder"),
  });
  host.remove("usr/lib/bootc/kargs.d/10-old.toml");
  host.write("usr/lib/bootc/kargs.d/sub/10-x.toml", "[");
  symlinkSync("../../os-release", host.path("usr/lib/bootc/kargs.d/10-x.toml"));
  expect(await run()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("10-x.toml: a link that leads nowhere"),
  });
});
