// needs: fedora
// reaches: build lint containerfiles/ tests/stand-in/
// The recipe for bases of Fedora's kind, built for real by dnf5 and rpm on a base made from Debian's packages of them.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type Fedora, startFedora } from "../support/fedora.ts";
import { checkout, Project, type Said } from "../support/sandbox.ts";
import { must } from "../support/small-images.ts";

setDefaultTimeout(180_000);

const registry = "localhost/slipway-fedora-test";
const image = `${registry}/t-toy:amd64`;
const project = new Project(["guaraos.pub", ".containerignore"]);
let fedora: Fedora;

/** A flavor with these packages in its last group. */
const flavor = (...more: string[]) => `title: Toy
recipe: fedora
arches: [amd64]
bootc: true
groups:
  greeting: {interval: daily, packages: [hello]}
  tools: {interval: monthly, replace: {old-tool: virtual-tool}, packages: [${["tool", ...more].join(", ")}]}
units: {enable: [tool.service]}
smoke: {packages: [hello, tool], files: [/etc/tool.conf], absent: [/usr/etc, /usr/share/hello-extra]}
`;

const build = (...words: string[]): Promise<Said> => project.slipway("build", "amd64", "toy", ...words);
const inImage = (line: string) => must(project.podman("run", "--rm", "--network=none", image, "sh", "-c", line));

beforeAll(async () => {
  Object.assign(process.env, { CONTAINERS_STORAGE_CONF: project.env.CONTAINERS_STORAGE_CONF });
  await project.removeImages(`${registry}/`);
  fedora = await startFedora(project, `${registry}/base:43`);
  project.family("fedora", "toy");
  project.write(
    "flavors/family.yaml",
    `name: test
title: Test
registry: ${registry}
prefix: t
key: guaraos.pub
default: {arch: amd64, flavor: toy}
arches: {amd64: {base: "${fedora.base}"}}
`,
  );
  project.write("flavors/toy.yaml", flavor());
  project.write("overlays/toy/usr/share/toy/README", "toy\n");
});

afterAll(async () => {
  await fedora?.stop();
  await project.removeImages(`${registry}/`);
  project.remove();
});

test("each group is a layer with its packages, by name or by what they provide, and nothing that is only recommended", async () => {
  const { code, stderr } = await build();
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const history = await must(project.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", image));
  expect(history.match(/slipway\/group \S+/g)).toEqual(["slipway/group tools", "slipway/group greeting"]);
  const facts = await inImage(
    "rpm -q hello hello-lib tool; rpm -q hello-extra old-tool; cat /usr/lib/slipway/groups.json /usr/share/tool/made; " +
      "getfattr --only-values -n user.component /usr/share/tool/made; echo; cat /usr/lib/opt/hello/hello.so; grep ' /var/opt/' /usr/lib/tmpfiles.d/slipway-var.conf",
  );
  expect(facts.split("\n")).toEqual([
    "hello-1.0-1.noarch",
    "hello-lib-1.0-1.noarch",
    "tool-1.0-1.noarch",
    "package hello-extra is not installed",
    "package old-tool is not installed",
    '{"groups": [',
    '{"name": "greeting", "interval": "daily", "packages": ["hello"], "also": ["hello-lib"]},',
    '{"name": "tools", "interval": "monthly", "packages": ["virtual-tool", "tool"], "also": []}',
    "]}",
    "bypass=1",
    "tools",
    "hello-lib 1.0",
    "L /var/opt/hello - - - - /usr/lib/opt/hello",
  ]);
});

test("what the base ships stays, its initramfs too; caches, history and times go", async () => {
  const facts = await inImage(
    "cat /usr/lib/modules/*/initramfs.img; readlink /home /ostree; find /boot /var -mindepth 1; find /usr/lib/sysimage -name '*history*'; " +
      "rpm -q --qf '%{INSTALLTID}\n' hello; systemctl --root=/ is-enabled tool.service; rpmdb --verifydb && echo good",
  );
  expect(facts.split("\n")).toEqual(["the base's", "var/home", "sysroot/ostree", "0", "enabled", "good"]);
});

test("nothing changed, nothing is built; lint has nothing to say, and smoke's packages are asked of rpm", async () => {
  expect(JSON.parse((await build("--json")).stdout).targets[0]).toMatchObject({ state: "skipped" });
  project.write(
    "flavors/toy.yaml",
    flavor().replace("packages: [hello, tool], files", "packages: [hello, old-tool], files"),
  );
  const { stdout } = await project.slipway("lint", "amd64", "toy", "--json");
  const findings: { message: string }[] = JSON.parse(stdout).findings;
  expect(findings.map(({ message }) => message)).toEqual(["the package old-tool is not installed"]);
  project.write("flavors/toy.yaml", flavor());
});

test("a refresh upgrades: a new kernel takes the old one's place, and the initramfs is made for it", async () => {
  fedora.state = "second";
  expect((await build("--refresh")).code).toBe(0);
  const facts = await inImage("rpm -q hello kernel-core; ls /usr/lib/modules; cat /usr/lib/modules/*/initramfs.img");
  expect(facts.split("\n")).toEqual([
    "hello-2.0-1.noarch",
    "kernel-core-6.2-1.noarch",
    "6.2",
    "arguments: --force --no-hostonly --reproducible --kver 6.2 /usr/lib/modules/6.2/initramfs.img",
  ]);
});

test("a package that no repository has is named, and what another one lacks; the image stays as it was", async () => {
  const id = await must(project.podman("image", "inspect", "--format", "{{.Id}}", image));
  project.write("flavors/toy.yaml", flavor("nonsense", "broken"));
  const { code, stderr } = await build();
  expect(code).toBe(1);
  expect(stderr).toContain("group tools: there is no package nonsense\n");
  expect(stderr).toContain("nothing provides not-in-any-repository needed by broken-1.0-1.noarch");
  expect(await must(project.podman("image", "inspect", "--format", "{{.Id}}", image))).toBe(id);
});

/** Lines of shell in the base, where the helpers are as in a build. */
function inBase(...lines: string[]): Promise<Said> {
  const volume = `${join(checkout, "containerfiles/helpers")}:/usr/libexec/slipway-of-the-test:ro`;
  const copy = "cp -r /usr/libexec/slipway-of-the-test /usr/libexec/slipway";
  const words = ["--network=host", "--volume", volume, fedora.base, "sh", "-c", [copy, ...lines].join("\n")];
  return project.podman("run", "--rm", ...words);
}

test("a package that a stranger signed is refused, and one that nobody signed, though its repository asks for no signature", async () => {
  const { stderr } = await inBase(
    "/usr/libexec/slipway/group a daily -- forged",
    "/usr/libexec/slipway/group b daily -- unsigned",
    "rpm -q forged unsigned >&2",
  );
  expect(stderr).toContain('    OpenPGP check for package "forged-1.0-1.noarch"');
  expect(stderr).toMatch(/ {4}OpenPGP check for package "unsigned-1\.0-1\.noarch" .* The package is not signed/);
  for (const group of ["a", "b"])
    expect(stderr).toContain(`slipway: group ${group}: installing failed (exit code 1)\n`);
  expect(stderr).toContain("package forged is not installed");
});

test("a base that does not boot by bootc, or is not of Fedora's kind, is refused before the first package", async () => {
  const { stderr } = await inBase(
    "mv /usr/bin/bootc /usr/bin/no-bootc; /usr/libexec/slipway/fedora-setup; mv /usr/bin/no-bootc /usr/bin/bootc",
    "mv /usr/lib/modules /usr/lib/no-modules; /usr/libexec/slipway/fedora-setup",
    "echo ID=debian >/usr/lib/os-release; ln -s bash /usr/bin/apt-get; /usr/libexec/slipway/fedora-setup",
  );
  const next = "the arch's base must be a bootc image, such as quay.io/fedora/fedora-bootc:43";
  expect(stderr.trim().split("\n")).toEqual([
    `slipway: fedora-setup: the base has no bootc: ${next}`,
    `slipway: fedora-setup: the base has no kernel in /usr/lib/modules: ${next}`,
    `slipway: fedora-setup: the base is not of Fedora's kind: its packages come by apt-get: ${next}`,
  ]);
});
