// needs: debian
// reaches: build lint containerfiles/
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../lib/builders/lint/finding.ts";
import { checkout, exec, Project } from "../support/sandbox.ts";

// `bun run lint` as a user types it: on the real project, on one with mistakes, and on built images whose bootc says
// what a test wants it to say. The first run may have to build the toolbox, for shellcheck.
setDefaultTimeout(600_000);

const recipe = `# @base
FROM \${BASE} AS overlay
# @overlay
RUN chmod -R u=rwX,go=rX /overlay
FROM \${BASE}
COPY --from=overlay /overlay/ /
`;

const bootc = (says: string, code: number) =>
  `#!/bin/sh\n[ "$*" = "container lint" ] || exit 99\ncat <<'END'\n${says}\nEND\nexit ${code}\n`;

let project: Project;
const image = (flavor: string) => `localhost/slipway-lint-test/t-${flavor}:amd64`;

interface Document {
  ok: boolean;
  errors: number;
  warnings: number;
  notes: number;
  findings: Finding[];
  checks: { check: string; state: string; why?: string }[];
}

async function lint(...args: string[]): Promise<Document & { code: number }> {
  const { code, stdout, stderr } = await project.slipway("lint", ...args, "--json");
  if (!stdout) throw new Error(stderr);
  return { code, ...JSON.parse(stdout) };
}

beforeAll(async () => {
  project = new Project(["containerfiles", ".containerignore", "guaraos.pub"]);
  await project.removeImages("localhost/slipway-lint-test/");
  project.family("lint", "bare");
  project.write("containerfiles/tiny.Containerfile", recipe);
  project.write("containerfiles/real.Containerfile", `${recipe}# @files\nRUN bootc container lint\n`);
  const smoke =
    "smoke: {files: [/etc/there, /etc/not-there, /dev/x], absent: [/etc/there, /etc/nope], packages: [dash, no-such]}";
  project.write("flavors/bare.yaml", `title: Bare\nrecipe: tiny\narches: [amd64]\n${smoke}\n`);
  project.write("overlays/bare/etc/there", "");
  project.write("flavors/claims.yaml", "title: Claims\nrecipe: real\narches: [amd64]\nbootc: true\n");
  project.write("flavors/never.yaml", "title: Never\nrecipe: tiny\narches: [amd64]\n");
  const words: Record<string, string> = {
    failing: bootc(
      "Failed lint: etc-usretc: Found /usr/etc\nLint warning: nonempty-boot: Found files:\n  a\n  b\nChecks passed: 9\nerror: Linting: Checks failed: 1",
      1,
    ),
    warning: bootc("Lint warning: var-log: Found logs\nChecks passed: 12", 0),
    crashing: bootc("thread 'main' panicked at src/lints.rs", 101),
  };
  for (const [name, script] of Object.entries(words)) {
    project.write(`flavors/${name}.yaml`, `title: ${name}\nrecipe: tiny\narches: [amd64]\n`);
    project.write(`overlays/${name}/usr/bin/bootc`, script);
    chmodSync(join(project.root, `overlays/${name}/usr/bin/bootc`), 0o755);
  }
  const built = await project.slipway("build", "amd64", "bare", ...Object.keys(words));
  if (built.code !== 0) throw new Error(built.stderr);
  await project.podman("tag", image("bare"), image("claims"));
}, 600_000);

afterAll(async () => {
  await project.removeImages("localhost/slipway-lint-test/");
  project.remove();
});

describe("bootc's own lint in a built image", () => {
  test("failures are errors, warnings are warnings: exit 1", async () => {
    const { code, ok, findings, errors, warnings } = await lint("amd64", "failing");
    expect(findings).toEqual([
      { check: "bootc etc-usretc", severity: "error", targets: [image("failing")], message: "Found /usr/etc" },
      { check: "bootc nonempty-boot", severity: "warning", targets: [image("failing")], message: "Found files: a b" },
    ]);
    expect([code, ok, errors, warnings]).toEqual([1, false, 1, 1]);
  });

  test("warnings alone: exit 0", async () => {
    const { code, ok, findings } = await lint("amd64", "warning");
    expect(findings.map((f) => [f.check, f.severity])).toEqual([["bootc var-log", "warning"]]);
    expect([code, ok]).toEqual([0, true]);
  });

  test("a bootc that breaks down is no finding, and no success either", async () => {
    const { code, ok, findings, checks } = await lint("amd64", "crashing");
    expect([code, ok, findings]).toEqual([1, false, []]);
    expect(checks.filter((c) => c.state === "crashed").map((c) => [c.check, c.why])).toEqual([
      [
        `bootc ${image("crashing")}`,
        `bootc container lint did not come to its end in ${image("crashing")} (exit code 101)`,
      ],
    ]);
  });

  test("an image without bootc is skipped, but not one that is meant for bootc", async () => {
    const bare = await lint("amd64", "bare");
    expect(bare.checks.find((c) => c.check === `bootc ${image("bare")}`)).toMatchObject({
      state: "skipped",
      why: "the image has no bootc, and need not have it",
    });
    const { code, findings } = await lint("amd64", "claims");
    expect(code).toBe(1);
    expect(findings.map((f) => [f.check, f.message])).toEqual([
      ["bootc", "the image is meant for bootc, and has no bootc"],
      ["age", "the image is out of date: its inputs changed"],
    ]);
  });

  test("an image that is not built is skipped, with the command that builds it", async () => {
    const { code, checks } = await lint("amd64", "never");
    expect(code).toBe(0);
    expect(checks.at(-1)).toMatchObject({
      check: `image ${image("never")}`,
      state: "skipped",
      why: "it is not built: bun run build amd64 never",
    });
  });
});

test("what smoke asks for is looked for in the image", async () => {
  const { code, findings } = await lint("amd64", "bare");
  expect(findings.map((f) => [f.check, f.message])).toEqual([
    ["contents", "/etc/not-there is not in the image"],
    ["contents", "/etc/there is in the image"],
    ["contents", "the package no-such is not installed"],
  ]);
  expect(code).toBe(1);
});

test("an image that is older than what goes into it", async () => {
  project.write("overlays/bare/etc/new", "new\n");
  const { findings } = await lint("amd64", "bare");
  rmSync(join(project.root, "overlays/bare/etc/new"));
  expect(findings.find((f) => f.check === "age")).toMatchObject({
    check: "age",
    severity: "warning",
    message: "the image is out of date: its inputs changed",
    next: "bun run build amd64 bare",
  });
});

test("every check, every target, without an arch; a table for people", async () => {
  const { code, stdout, stderr } = await project.slipway("lint");
  expect(code).toBe(1);
  expect(stdout).toContain(`${image("failing")}\n  error: Found /usr/etc [bootc etc-usretc]\n`);
  expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d+ checks ran: 5 errors, 3 warnings, 0 notes$/);
  expect(stderr).toMatch(/^skipped +image localhost\/slipway-lint-test\/t-never:amd64 +it is not built/m);
  expect(stdout + stderr).not.toContain("\x1b[");
});

describe("shipped files with mistakes", () => {
  const broken = "overlays/never/usr/libexec/x";
  test("each at its file, line and column", async () => {
    project.write(broken, "#!/bin/sh\nset -eu\necho $1\nfor i in 1; do\n");
    project.write("overlays/never/etc/profile.d/x.sh", "echo $1\n");
    project.write("overlays/never/etc/docker/daemon.json", "{");
    project.write("overlays/never/etc/containers/policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}');
    const { code, findings } = await lint("amd64", "never");
    expect(code).toBe(1);
    const at = (f: Finding) => `${f.file}:${f.line ?? ""}:${f.column ?? ""} ${f.severity} ${f.check}`;
    const places = findings.map(at);
    expect(places).toContain("overlays/never/etc/containers/policy.json:: error policy");
    expect(places).toContain("overlays/never/etc/docker/daemon.json:: error json-syntax");
    expect(places).toContain("overlays/never/etc/profile.d/x.sh:1:6 note shellcheck");
    expect(places.filter((p) => p.startsWith(broken) && p.includes("error shellcheck")).length).toBeGreaterThan(0);
    // those of another flavor are not looked at
    expect((await lint("amd64", "warning")).findings.some((f) => f.file?.startsWith("overlays/never/"))).toBe(false);
  });
});

describe("mistakes in the manifest", () => {
  const bad = "title: Bad\nrecipe: tiny\narches: [amd64]\nkargs: [rd.luks=1]\nunits: {enabel: []}\n";
  const says = [
    ["flavors/bad.yaml", 4, 9, "forbidden kernel argument `rd.luks=1`"],
    ["flavors/bad.yaml", 5, 9, "unknown key `enabel`; did you mean `enable`?"],
  ];
  test("exit 2, all of them, for people and as JSON", async () => {
    project.write("flavors/bad.yaml", bad);
    const { code, ok, findings } = await lint();
    expect([code, ok]).toEqual([2, false]);
    const manifest = findings.filter((f) => !f.message.includes("has no place"));
    expect(manifest.map((f) => [f.file, f.line, f.column, f.message])).toEqual(says as never);
    const { code: again, stderr } = await project.slipway("lint");
    expect(again).toBe(2);
    for (const [file, line, column, message] of says) expect(stderr).toContain(`${file}:${line}:${column}: ${message}`);
  });
});

test("words that are wrong: exit 2", async () => {
  const real = (...args: string[]) =>
    exec([process.execPath, join(checkout, "scripts/lint.ts"), ...args], { CI: "true" });
  const { code, stdout, stderr } = await real("znver5", "--json");
  const wrong = "unknown arch `znver5`; did you mean `znver4`?";
  expect([code, JSON.parse(stdout).error.message, stderr.split("\n")[0]]).toEqual([2, wrong, wrong]);
  expect((await real("v3", "cosmic")).code).toBe(2);
});

test("the project itself is clean", async () => {
  // In the tests' own storage: what is built there is what other tests make of it.
  const env = { ...project.env, SLIPWAY_PROJECT: checkout };
  const { stdout } = await exec([process.execPath, join(checkout, "scripts/lint.ts"), "--json"], env);
  const { findings }: Document = JSON.parse(stdout);
  // A pin that is not there yet takes a network to look it up.
  expect(findings.filter((f) => f.file && f.check !== "not-pinned")).toEqual([]);
}, 300_000);
