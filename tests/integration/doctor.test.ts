// reaches: doctor tests/samples/family/
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SampleProject } from "../support/sample-family.ts";
import { checkout, exec, Project, type Said } from "../support/sandbox.ts";

setDefaultTimeout(120_000);

const project = new SampleProject();
const bin = mkdtempSync(join(tmpdir(), "slipway-bin-"));

afterAll(() => {
  project.remove();
  rmSync(bin, { recursive: true });
});

interface Report {
  good: boolean;
  tools: { name: string; state: string; from: string; version: string | null; fix: string | null; remark?: string }[];
  arches: { name: string; missing: string[] }[];
  kvm: { state: string };
}

/** A machine whose PATH has only what is named here, with these as scripts of our own. */
async function doctorOn(programs: string[], scripts: Record<string, string> = {}): Promise<Said & { report: Report }> {
  const path = mkdtempSync(join(bin, "path-"));
  for (const name of ["bash", "env", ...programs]) {
    const real = Bun.which(name);
    if (real) symlinkSync(real, join(path, name));
  }
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(path, name), `#!/bin/bash\n${text}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const argv = [process.execPath, join(checkout, "scripts/doctor.ts"), "--json"];
  const said = await exec(argv, { ...project.env, PATH: path });
  return { ...said, report: JSON.parse(said.stdout) as Report };
}

const row = (report: Report, name: string) => report.tools.find((t) => t.name === name);

test("for people: every tool with its purpose, the arches, KVM, memory and space; nothing that is only for terminals", async () => {
  const { code, stdout } = await project.slipway("doctor");
  for (const words of ["podman", "builds and keeps images", "arch znver4", "KVM", "memory", " free of "])
    expect(stdout).toContain(words);
  expect(stdout).not.toContain("\x1b");
  expect([0, 3]).toContain(code);
});

test("for programs: one document, and the exit code says the same as it", async () => {
  const { code, stdout } = await project.slipway("doctor", "--json");
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(report.good ? 0 : 3);
  expect(report.arches.map((a) => a.name)).toContain("amd64");
  expect(["works", "broken", "absent", "unprobed"]).toContain(report.kvm.state);
});

test("without podman: exit 3, podman is reported as missing, with the command that fixes it, nothing crashes", async () => {
  const { code, report, stderr } = await doctorOn(["apt-get", "dnf", "pacman"]);
  expect(code).toBe(3);
  expect(stderr).not.toContain("defect");
  expect(row(report, "podman")).toMatchObject({ state: "missing", from: "missing" });
  if (Bun.which("apt-get")) expect(row(report, "podman")?.fix).toContain("apt-get install -y");
});

test("a podman that is too old will not do", async () => {
  const { code, report } = await doctorOn([], { podman: "echo podman version 3.4.4" });
  expect(code).toBe(3);
  expect(row(report, "podman")).toMatchObject({ state: "missing", remark: expect.stringContaining("3.4.4") });
});

test("a skopeo that cannot sign, and a QEMU that crashes guests, give way to the toolbox", async () => {
  const { report } = await doctorOn(["podman"], {
    skopeo: `case "$1" in --version) echo skopeo version 1.18.0;; *) echo "Debian-local change: sigstore disabled" >&2; exit 1;; esac`,
    "qemu-system-x86_64": "echo QEMU emulator version 7.2.22",
    cosign: "echo GitVersion: v2.5.0",
  });
  expect(row(report, "skopeo")).toMatchObject({ from: expect.stringContaining("toolbox") });
  expect(row(report, "skopeo")?.remark).toContain("built without sigstore");
  expect(row(report, "qemu-system-x86_64")?.remark).toContain("7.2.22");
  expect(row(report, "cosign")).toMatchObject({ version: "2.5.0", from: expect.stringContaining(bin) });
});

test("a skopeo that looks at the key can sign", async () => {
  const { report } = await doctorOn(["podman"], {
    skopeo: `case "$1" in --version) echo skopeo version 1.18.0;; *) echo "invalid pem block" >&2; exit 1;; esac`,
  });
  expect(row(report, "skopeo")).toMatchObject({ from: expect.stringContaining(bin), version: "1.18.0" });
});

test("a manifest with mistakes does not keep the doctor from looking at the machine", async () => {
  const broken = new Project([]);
  mkdirSync(join(broken.root, "flavors"));
  broken.write("flavors/family.yaml", "name: [\n");
  const { stdout, stderr } = await broken.slipway("doctor");
  expect(stdout).toContain("the manifest has mistakes: bun run lint");
  expect(stderr).not.toContain("defect");
  broken.remove();
});

test("podman's settings: a file of our own where this machine needs one, and the user's variable is the last word", async () => {
  const theirs = join(project.root, "theirs.conf");
  writeFileSync(theirs, "");
  rmSync(join(project.root, ".slipway"), { recursive: true, force: true });
  const env = { ...project.env, CONTAINERS_CONF: theirs };
  await exec([process.execPath, join(checkout, "scripts/doctor.ts")], env);
  expect(existsSync(join(project.root, ".slipway/containers.conf"))).toBe(false);
});
