// needs: toolbox debian
// reaches: build disk containerfiles/
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { quote } from "../../lib/system/shell.ts";
import { inToolbox } from "../../lib/tools/toolbox.ts";
import { checkout, exec, oddName, Project } from "../support/sandbox.ts";

// Disks of small images: what is written where, what is kept, what is refused. That they boot is shown in tests/vm.

const recipe = `# @base
FROM \${BASE} AS overlay
# @overlay
RUN chmod -R u=rwX,go=rX /overlay
FROM \${BASE}
COPY --from=overlay /overlay/ /
RUN chown 1234:4321 /etc/owned && chmod 4711 /etc/owned && ln /etc/owned /etc/second-name && mkdir /var/spool/here
`;
const plain = recipe.replace(/^RUN chown.*\n/m, "");

let project: Project;
const image = (flavor: string) => `localhost/slipway-disk-test/t-${flavor}:amd64`;

interface Made {
  path: string;
  reused: boolean;
  lacks: string[];
  cmdline: string;
  kernel?: string;
}

async function disk(...args: string[]): Promise<Made> {
  const { code, stdout, stderr } = await project.slipway("disk", "amd64", ...args, "--json");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** A line of shell in the toolbox, with a disk's folder in it; its root partition lies at `root.img`. */
async function look(path: string, line: string): Promise<string> {
  Object.assign(process.env, { CONTAINERS_STORAGE_CONF: project.env.CONTAINERS_STORAGE_CONF });
  const words = await inToolbox([], { mounts: [dirname(path)], cwd: dirname(path) });
  const cut = (name: string, start: number, count: number) =>
    `dd if=${quote(path)} of=/tmp/${name} bs=1M skip=${start} count=${count} conv=sparse status=none`;
  const script = `export LC_ALL=C.UTF-8; ${cut("esp.img", 1, 512)}; ${cut("root.img", 513, 1000)}; truncate -s 1534MiB /tmp/root.img; cd /tmp; ${line}`;
  const { stdout, stderr } = await exec([...words, "sh", "-c", script], project.env);
  return stdout + stderr;
}

/** The commands of the containers that there still are. */
async function containers(): Promise<string[]> {
  const { stdout } = await project.podman("ps", "--all", "--format", "{{.Command}}");
  return stdout.split("\n").filter((line) => line !== "");
}

const boots = (name: string) => {
  for (const [path, text] of Object.entries({
    "usr/lib/modules/6.0/vmlinuz": "the kernel",
    "usr/lib/modules/6.0/initramfs.img": "the initramfs",
    "usr/lib/systemd/boot/efi/systemd-bootx64.efi": "the loader",
    "usr/lib/systemd/systemd": "",
    "usr/lib/bootc/kargs.d/10-own.toml": 'kargs = ["own.argument=1"]\n',
    "etc/owned": "mine\n",
    "etc/name with space é": "odd\n",
  }))
    project.write(`overlays/${name}/${path}`, text);
};

beforeAll(async () => {
  // in a folder at whose name tools stumble, if they are not told it with care
  project = new Project(["containerfiles", ".containerignore", "guaraos.pub"], oddName);
  await project.removeImages("localhost/slipway-disk-test/");
  project.family("disk", "whole");
  project.write("containerfiles/owned.Containerfile", recipe);
  project.write("containerfiles/plain.Containerfile", plain);
  project.write(
    "containerfiles/last.Containerfile",
    `${plain}COPY containerfiles/helpers/ /usr/libexec/slipway/\nRUN chmod -R u=rwX,go=rX /usr/libexec/slipway\n# @files\nRUN bootc container lint\n`,
  );
  project.write("flavors/whole.yaml", "title: Whole\nrecipe: owned\narches: [amd64]\n");
  project.write("flavors/bare.yaml", "title: Bare\nrecipe: plain\narches: [amd64]\n");
  project.write(
    "flavors/installed.yaml",
    "title: Installed\nrecipe: last\narches: [amd64]\nbootc: true\ninstall: {filesystem: btrfs, bootloader: systemd, composefs: true}\n",
  );
  boots("whole");
  // stands in for bootc: it notes how it was called, and what it would install lies on the disk
  project.write(
    "overlays/installed/usr/bin/bootc",
    `#!/bin/sh
case "$*" in "container lint") echo "Checks passed: 1"; exit 0 ;; esac
if [ -e /etc/refuses ]; then echo "error: no space on the device of the stand-in" >&2; exit 1; fi
for last; do :; done
[ -e /dev/loop-control ] && [ -d /var/lib/containers/storage/overlay-images ] || { echo "it does not see the machine" >&2; exit 2; }
printf '%s\\n' "$@" >"$last"
`,
  );
  chmodSync(join(project.root, "overlays/installed/usr/bin/bootc"), 0o755);
  const built = await project.slipway("build", "amd64", "whole", "bare", "installed");
  if (built.code !== 0) throw new Error(built.stderr);
}, 900_000);

afterAll(async () => {
  await project.removeImages("localhost/slipway-disk-test/");
  project.remove();
}, 60_000);

test("ext4: owners, modes, hard links and names are the image's, the boot partition holds what boots", async () => {
  const made = await disk("whole", "--size", "2GiB", "--karg", "more=2");
  expect(made).toMatchObject({ reused: false, lacks: ["sshd", "network"] });
  expect(statSync(made.path).size).toBe(2 * 2 ** 30);
  expect(statSync(made.path).blocks * 512).toBeLessThan(400e6); // sparse
  const seen = await look(
    made.path,
    `sfdisk --json ${quote(made.path)}; e2fsck -fn root.img; debugfs -R 'stat /etc/owned' root.img; echo "second-name contains: $(debugfs -R 'cat /etc/second-name' root.img 2>&-)"
     echo "odd name contains: $(debugfs -R 'cat "/etc/name with space é"' root.img 2>&-)"
     for path in loader/entries/slipway.conf slipway/linux slipway/initrd EFI/BOOT/BOOTX64.EFI; do mtype -i esp.img ::/$path; echo; done`,
  );
  expect(seen).toContain("C12A7328-F81F-11D2-BA4B-00A0C93EC93B");
  expect(seen).toMatch(/User:\s+1234\s+Group:\s+4321/);
  expect(seen).toMatch(/Mode:\s+04711/);
  expect(seen).toMatch(/Links: 2/);
  expect(seen).toMatch(/second-name contains: mine/);
  expect(seen).toContain("odd name contains: odd");
  expect(seen).not.toMatch(/WARNING: Filesystem still has errors|UNEXPECTED INCONSISTENCY/);
  for (const text of ["the kernel", "the initramfs", "the loader"]) expect(seen).toContain(text);
  expect(seen).toMatch(/options root=UUID=\S+ rootfstype=ext4 rw .*own\.argument=1 more=2/);
  expect(readFileSync(made.kernel ?? "", "utf8")).toBe("the kernel");
}, 300_000);

test("it is kept while image and options are the same, and goes when the image is another", async () => {
  const first = await disk("whole");
  const again = await disk("whole");
  expect([first.reused, again.reused, again.path]).toEqual([false, true, first.path]);
  const other = await disk("whole", "--karg", "x");
  expect(other.path).not.toBe(first.path);
  project.write("overlays/whole/etc/more", "");
  expect((await project.slipway("build", "amd64", "whole")).code).toBe(0);
  const anew = await disk("whole");
  expect(anew.reused).toBe(false);
  expect([existsSync(first.path), existsSync(other.path), existsSync(anew.path)]).toEqual([false, false, true]);
}, 300_000);

test("btrfs has its subvolumes, and qcow2 is QEMU's own format", async () => {
  const made = await disk("whole", "--filesystem", "btrfs", "--size", "2GiB");
  const seen = await look(
    made.path,
    "btrfs check root.img; btrfs inspect-internal dump-tree -t root root.img | grep ROOT_REF -A1; btrfs inspect-internal dump-tree root.img | grep -A8 'owned' | head -60; btrfs restore -m root.img out -D 2>&1 | head; btrfs inspect-internal dump-tree root.img | grep -E 'uid 1234 gid 4321|mode 104711' | head -3",
  );
  expect(seen).toContain("no error found");
  expect(seen).toMatch(/sequence \d+ name var$/m);
  expect(seen).toMatch(/sequence \d+ name home$/m);
  expect(seen).toMatch(/mode 104711.*uid 1234 gid 4321/);
  const qcow2 = await disk("whole", "--qcow2");
  expect(readFileSync(qcow2.path).subarray(0, 4).toString("latin1")).toBe("QFI\xfb");
}, 300_000);

test("an image that cannot boot is refused before anything is started, and nothing is left", async () => {
  const said = await project.slipway("disk", "amd64", "bare");
  expect(said.code).toBe(1);
  expect(said.stderr).toContain("cannot boot: it has no kernel, no initramfs, no init");
  expect(readdirSync(join(project.root, ".slipway/disks")).filter((name) => name.includes("bare"))).toEqual([]);
  expect(await containers()).toEqual([]);
}, 120_000);

test("a disk that is too small for the image, or an image that is not there, is reported", async () => {
  const small = await project.slipway("disk", "amd64", "whole", "--size", "600MB");
  expect([small.code, small.stderr]).toEqual([1, expect.stringContaining("--size is too small")]);
  await project.podman("untag", image("bare"));
  const none = await project.slipway("disk", "amd64", "bare");
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("is not in podman's storage")]);
}, 120_000);

test("a full disk ends it with what to do, and nothing is left", async () => {
  const folder = join(project.root, ".slipway");
  const aside = `${folder}.aside`;
  renameSync(folder, aside);
  mkdirSync(folder);
  const mounted = await exec(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", folder]);
  if (mounted.code !== 0) throw new Error(mounted.stderr);
  try {
    const said = await project.slipway("disk", "amd64", "whole", "--filesystem", "btrfs", "--size", "2GiB");
    expect(said.code).toBe(1);
    expect(said.stderr).toContain("no space left");
    expect(said.stderr).toContain("next: ");
    const disks = join(folder, "disks");
    expect(existsSync(disks) ? readdirSync(disks) : []).toEqual([]);
    expect(readdirSync(join(folder, "run"))).toEqual([]);
  } finally {
    await exec(["umount", folder]);
    renameSync(aside, `${folder}.back`);
    await exec(["rm", "-rf", folder]);
    renameSync(`${folder}.back`, folder);
  }
}, 180_000);

test("interrupted, it leaves nothing behind and the next one works", async () => {
  const child = Bun.spawn([process.execPath, join(checkout, "scripts/disk.ts"), "amd64", "whole", "--karg", "again"], {
    env: { ...process.env, ...project.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const run = join(project.root, ".slipway/run");
  while (!readdirSync(run, { recursive: true, encoding: "utf8" }).some((name) => name.includes("/work-")))
    await Bun.sleep(20);
  child.kill("SIGINT");
  expect(await child.exited).toBe(130);
  expect(readdirSync(run)).toEqual([]);
  expect(await containers()).toEqual([]);
  expect((await disk("whole", "--karg", "again")).reused).toBe(false);
}, 180_000);

test("an image with bootc is installed by it, as the manifest says", async () => {
  const made = await disk("installed", "--karg", "k=1", "--size", "3GB");
  expect(readFileSync(made.path, "utf8").trim().split("\n")).toEqual([
    ...["install", "to-disk", "--via-loopback", "--generic-image", "--skip-fetch-check"],
    ...[`--target-imgref=${image("installed")}`, "--filesystem=btrfs", "--composefs-backend", "--bootloader=systemd"],
    ...["--karg=console=tty0", "--karg=console=ttyS0,115200", "--karg=k=1", "/slipway/disk.raw"],
  ]);
  const dry = await project.slipway("disk", "amd64", "installed", "--dry-run");
  expect(dry.stdout).toMatch(/^podman run --rm --privileged --pid=host .* bootc install to-disk --via-loopback/m);
  project.write("overlays/installed/etc/refuses", "");
  expect((await project.slipway("build", "amd64", "installed")).code).toBe(0);
  const refused = await project.slipway("disk", "amd64", "installed");
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining("no space on the device of the stand-in"),
  ]);
}, 180_000);
