// needs: minimal
// reaches: lint
// What `lint` says of files in overlays, held to what the kernel and systemd of the image say of the same files.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Finding } from "../../lib/builders/lint/finding.ts";
import { minimal, Project } from "../support/sandbox.ts";

setDefaultTimeout(300_000);

const script = "#!/bin/sh\necho ran\n";
const service = (program: string) => `[Unit]\nDescription=A test\n[Service]\nExecStart=${program}\n`;
const verify = (unit: string) => ["systemd-analyze", "verify", "--man=no", `/etc/systemd/system/${unit}`];

interface Case {
  files: Record<string, string>;
  /** In UTF-16, little-endian. */
  wide?: boolean;
  executable?: string[];
  link?: [string, string];
  /** Each as severity and file. */
  lint: string[];
  asks: string[];
  says: RegExp;
  fails: boolean;
}

const cases: Record<string, Case> = {
  "a program without the right to be executed": {
    files: { "usr/bin/plain": script },
    lint: ["error usr/bin/plain"],
    asks: ["/usr/bin/plain"],
    says: /permission denied/,
    fails: true,
  },
  "a program with it": {
    files: { "usr/bin/good": script },
    executable: ["usr/bin/good"],
    lint: [],
    asks: ["/usr/bin/good"],
    says: /^ran$/m,
    fails: false,
  },
  "a script behind a byte order mark": {
    files: { "usr/bin/marked": `\ufeff${script}` },
    executable: ["usr/bin/marked"],
    lint: ["error usr/bin/marked"],
    asks: ["/usr/bin/marked"],
    says: /exec format error/,
    fails: true,
  },
  "a unit whose program is not executable": {
    files: { "etc/systemd/system/stuck.service": service("/usr/lib/stuck/run"), "usr/lib/stuck/run": script },
    lint: ["error etc/systemd/system/stuck.service"],
    asks: verify("stuck.service"),
    says: /\/usr\/lib\/stuck\/run is not executable: Permission denied/,
    fails: true,
  },
  "a unit with a byte order mark in UTF-8, which systemd skips": {
    files: { "etc/systemd/system/bom.service": `\ufeff${service("/bin/true")}` },
    lint: ["warning etc/systemd/system/bom.service"],
    asks: verify("bom.service"),
    says: /^$/,
    fails: false,
  },
  "a unit in UTF-16": {
    files: { "etc/systemd/system/wide.service": `\ufeff${service("/bin/true")}` },
    wide: true,
    lint: ["warning etc/systemd/system/wide.service"],
    asks: verify("wide.service"),
    says: /not UTF-8 clean[\s\S]*failed to load/,
    fails: true,
  },
  "an enabled unit that nobody has": {
    files: {},
    link: ["etc/systemd/system/multi-user.target.wants/gone.service", "../gone.service"],
    lint: ["warning etc/systemd/system/multi-user.target.wants/gone.service"],
    asks: ["systemctl", "is-enabled", "gone.service"],
    says: /not-found/,
    fails: true,
  },
};

const project = new Project(["guaraos.pub", ".containerignore"]);
const image = "localhost/slipway-overlay-lint-test/t-one:amd64";
let found: string[] = [];

beforeAll(async () => {
  await project.takeMinimal();
  project.family("overlay-lint", "one");
  project.write("flavors/one.yaml", "title: One\nrecipe: one\narches: [amd64]\n");
  project.write("containerfiles/one.Containerfile", "# @base\nFROM ${BASE}\n# @overlay\n");
  for (const { files, wide, executable = [], link } of Object.values(cases)) {
    for (const [file, text] of Object.entries(files)) {
      project.write(`overlays/one/${file}`, "");
      await Bun.write(join(project.root, "overlays/one", file), Buffer.from(text, wide ? "utf16le" : "utf8"));
      chmodSync(join(project.root, "overlays/one", file), executable.includes(file) ? 0o755 : 0o644);
    }
    if (!link) continue;
    const path = join(project.root, "overlays/one", link[0]);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(link[1], path);
  }
  // Not by a build of ours, which sets modes: the files as they are.
  project.write("plain.Containerfile", `FROM ${minimal}\nCOPY overlays/one/ /\n`);
  const file = join(project.root, "plain.Containerfile");
  const built = await project.podman("build", "--quiet", "--tag", image, "--file", file, project.root);
  if (built.code !== 0) throw new Error(built.stderr);
  const { stdout, stderr } = await project.slipway("lint", "amd64", "one", "--json");
  if (!stdout) throw new Error(stderr);
  const findings: Finding[] = JSON.parse(stdout).findings;
  found = findings
    .filter(({ check }) => check === "overlay")
    .map(({ severity, file = "" }) => `${severity} ${file.replace("overlays/one/", "")}`);
});

afterAll(async () => {
  await project.podman("rmi", "--force", image, minimal);
  project.remove();
});

test.each(Object.entries(cases))("%s", async (_, { files, link, lint, asks, says, fails }) => {
  const own = [...Object.keys(files), ...(link ? [link[0]] : [])];
  expect(found.filter((line) => own.some((file) => line.endsWith(` ${file}`)))).toEqual(lint);
  const { code, stdout, stderr } = await project.podman("run", "--rm", "--network", "none", image, ...asks);
  expect(stdout + stderr).toMatch(says);
  expect(code !== 0).toBe(fails);
});
