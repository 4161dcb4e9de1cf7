// needs: minimal
// reaches: build flavors/ overlays/ containerfiles/
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { BuiltImage } from "../support/built-image.ts";
import { checkout, exec, Project } from "../support/sandbox.ts";

// The real default target, built by the README's first command from Debian's packages, and looked into.

const reference = "ghcr.io/guara92/guaraos-minimal:amd64";
const project = new Project();
let said: { code: number; stdout: string; stderr: string };
let image: BuiltImage;
let smoke: { files: string[]; absent: string[]; packages: string[]; users: string[]; units: string[] };
let flavor: { units: { enable: string[]; disable: string[] }; groups: Record<string, { packages: string[] }> };

beforeAll(async () => {
  flavor = parse(await Bun.file(join(checkout, "flavors/minimal.yaml")).text());
  smoke = (flavor as unknown as { smoke: typeof smoke }).smoke;
  said = await exec([join(checkout, "run"), "build"], project.env);
  if (said.code !== 0) throw new Error(said.stderr);
  image = await BuiltImage.open(project, reference, [
    "/etc/machine-id",
    "/etc/containers/policy.json",
    "/etc/containers/registries.d/*",
    "/etc/pki/containers/*",
    "/usr/lib/slipway/groups.json",
  ]);
}, 900_000);

afterAll(() => project.remove());

const inside = (script: string) =>
  project.podman(
    "run",
    "--rm",
    "--network=none",
    "--env=DPKG_ADMINDIR=/usr/lib/sysimage/dpkg",
    reference,
    "sh",
    "-c",
    script,
  );

test("a bare `./run build` makes the default target and tells its reference, size, layers and what comes next", () => {
  expect(said.stderr).toContain("no target given: amd64 minimal");
  expect(said.stdout).toMatch(new RegExp(`^${reference} .* [0-9a-f]{12} .* MB .* \\d+ layers`, "m"));
  expect(said.stderr).toMatch(/^next: /m);
});

test("what the flavor's smoke section promises is there, or not there", async () => {
  expect(smoke.files.filter((path) => !image.tree.has(path))).toEqual([]);
  expect(smoke.absent.filter((path) => image.tree.has(path))).toEqual([]);
  const { stdout } = await inside("dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n'");
  const installed = stdout.split("\n").filter((line) => line.endsWith(" ii "));
  const names = new Set(installed.map((line) => line.split(" ")[0]));
  const wanted = [...smoke.packages, ...Object.values(flavor.groups).flatMap((g) => g.packages)];
  expect(wanted.filter((name) => !names.has(name))).toEqual([]);
  const users = await inside("cut -d: -f1 /etc/passwd");
  for (const user of smoke.users) expect(users.stdout.split("\n")).toContain(user);
}, 60_000);

test("people's commands run in it, without Bun or Node", async () => {
  const { code, stdout, stderr } = await inside(
    "command -v bun node; guaraos-update --check --json; guara-install-flatpaks --all --dry-run --json",
  );
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("+ flatpak install --system") });
  const [parts, apps] = stdout.split(/(?<=^\])\n/m).map((text) => JSON.parse(text));
  // the image ships Flathub's remote, and a container without a network cannot ask it
  const said = expect.stringContaining("Unable to load summary from remote flathub");
  expect(parts).toContainEqual({ part: "flatpak", state: "failed", said });
  expect(apps.wanted).toHaveLength(29);
}, 60_000);

test("a program that was compiled again to the same bytes is no reason to build", async () => {
  rmSync(join(project.root, ".slipway/context"), { recursive: true });
  const { stdout, stderr } = await project.slipway("build", "amd64", "minimal");
  expect(stdout).toContain("skipped");
  expect(stderr).not.toContain("changed");
}, 120_000);

test("one kernel with its initramfs beside it, and nothing in /boot", async () => {
  const kernels = [...image.tree.keys()].filter((path) => /^\/usr\/lib\/modules\/[^/]+\/vmlinuz$/.test(path));
  expect(kernels).toHaveLength(1);
  const initramfs = kernels[0]?.replace("vmlinuz", "initramfs.img") ?? "";
  expect(image.tree.get(initramfs)?.type).toBe("f");
  expect([...image.tree.keys()].filter((path) => path.startsWith("/boot/"))).toEqual([]);
  // the initramfs can find a disk and mount it: lsinitramfs reads what the kernel would unpack
  const listed = await inside(`lsinitramfs ${initramfs}`);
  for (const part of ["virtio_blk", "btrfs", "nvme"]) expect(listed.stdout).toContain(part);
}, 60_000);

test("units are on and off as the flavor says", () => {
  const on = flavor.units.enable.map((unit) => [unit, image.units.get(unit)]);
  expect(on).toEqual(flavor.units.enable.map((unit) => [unit, "enabled"]));
  expect(flavor.units.disable.filter((unit) => image.units.get(unit) === "enabled")).toEqual([]);
});

test("the layout is that of a system whose state lives in /var", () => {
  expect(image.tree.get("/home")).toMatchObject({ type: "l", link: "var/home" });
  expect(image.tree.get("/root")).toMatchObject({ type: "l", link: "var/roothome" });
  expect(image.tree.has("/usr/etc")).toBe(false);
  const inVar = [...image.tree.entries()].filter(([path, { type }]) => path.startsWith("/var/") && type === "f");
  expect(inVar.map(([path]) => path)).toEqual([]);
});

test("nothing in it belongs to one machine", async () => {
  const keys = [...image.tree.keys()].filter((path) => /^\/etc\/ssh\/ssh_host_/.test(path));
  expect(keys).toEqual([]);
  expect(image.read("/etc/machine-id")).toBe("");
  const { stdout } = await inside("cut -d: -f2 /etc/shadow | sort -u");
  expect(stdout.split("\n").filter((hash) => hash.startsWith("$"))).toEqual([]); // no password
}, 60_000);

test("it trusts its family's key and nothing unsigned from its family", async () => {
  const policy = "/etc/containers/policy.json";
  const sigstore = "/etc/containers/registries.d/guaraos.yaml";
  const key = "/etc/pki/containers/guaraos.pub";
  const { default: otherwise, transports } = JSON.parse(image.read(policy));
  expect(otherwise).toEqual([{ type: "reject" }]);
  expect(transports.docker["ghcr.io/guara92"]).toEqual([
    { type: "sigstoreSigned", keyPath: key, signedIdentity: { type: "matchRepository" } },
  ]);
  expect(transports.docker[""]).toBeUndefined();
  expect(parse(image.read(sigstore))).toEqual({ docker: { "ghcr.io/guara92": { "use-sigstore-attachments": true } } });
  expect(image.read(key)).toBe(await Bun.file(join(checkout, "guaraos.pub")).text());
}, 60_000);

test("groups.json says what each group asked for and what came along; only unowned files carry a tag", async () => {
  const path = "/usr/lib/slipway/groups.json";
  const { groups } = JSON.parse(image.read(path));
  const names = Object.keys(flavor.groups);
  expect(groups.map((g: { name: string }) => g.name)).toEqual(names);
  for (const group of groups) expect(group.packages).toEqual(flavor.groups[group.name]?.packages ?? []);
  expect(groups.some((g: { also: string[] }) => g.also.includes("libsystemd-shared"))).toBe(true);
  expect(image.tags.size).toBeGreaterThan(0);
  expect([...image.tags.values()].filter((tag) => !names.includes(tag))).toEqual([]);
  const { stdout } = await inside("cat /usr/lib/sysimage/dpkg/info/*.list");
  const owned = new Set(stdout.split("\n"));
  expect([...image.tags.keys()].filter((file) => owned.has(file))).toEqual([]);
}, 60_000);

test("a build without the cache gives the same layers", async () => {
  const layers = async () => {
    const { stdout } = await project.podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference);
    return JSON.parse(stdout) as string[];
  };
  const before = await layers();
  const { code, stderr } = await project.slipway("build", "amd64", "minimal", "--no-cache");
  if (code !== 0) throw new Error(stderr);
  expect(before.length).toBeGreaterThan(10);
  expect(await layers()).toEqual(before);
}, 1_200_000);
