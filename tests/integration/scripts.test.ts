// needs: tools
// reaches: run tests/samples/scripts/ lib/index.ts
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { dayOf } from "../../lib/ship/push/words.ts";
import { useTools } from "../support/host-tools.ts";
import { checkout, exec, Project, type Said } from "../support/sandbox.ts";
import { SignedImages } from "../support/signed-images.ts";

// Scripts that maintainers write, in a project that has Slipway as a package: three that read and move published images.

setDefaultTimeout(60_000);

const project = new Project([]);
let images: SignedImages;

/** `./run WORDS` as a maintainer types it. */
function type(...words: string[]): Promise<Said> {
  const home = join(process.execPath, "..");
  return exec([join(checkout, "run"), ...words], {
    ...project.env,
    ...images.env,
    PATH: `${home}:${process.env.PATH}`,
  });
}

beforeAll(async () => {
  useTools();
  images = await SignedImages.start();
  const { namespace } = images;
  project.write("t.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
  project.write("containerfiles/tiny.Containerfile", "# @base\nFROM ${BASE}\n");
  project.write(
    "flavors/family.yaml",
    `name: t\ntitle: T\nregistry: ${namespace}\nprefix: os\nkey: t.pub\ndefault: {arch: amd64, flavor: one}
arches: {amd64: {base: localhost/t/base}}\n`,
  );
  for (const flavor of ["one", "two"])
    project.write(`flavors/${flavor}.yaml`, `title: ${flavor}\nrecipe: tiny\narches: [amd64]\n`);
  cpSync(join(checkout, "tests/samples/scripts"), join(project.root, "scripts"), { recursive: true });
  mkdirSync(join(project.root, "node_modules"));
  symlinkSync(checkout, join(project.root, "node_modules/slipway"));
});

afterAll(async () => {
  await project.removeImages("localhost/screen-scripts/");
  await images.registry.stop();
  project.remove();
});

test("digests: the digest of each target's published image", async () => {
  const digest = await images.push("os-one", "amd64");
  expect(await type("digests")).toEqual({
    code: 0,
    stdout: `${images.namespace}/os-one:amd64  ${digest}\n${images.namespace}/os-two:amd64  not published\n`,
    stderr: "",
  });
});

test("stable: yesterday's build gets one more tag, and a dry run only shows how", async () => {
  const yesterday = dayOf(new Date(Date.now() - 86_400_000));
  const digest = await images.push("os-one", `amd64-${yesterday}`);
  await images.push("os-one", "amd64");
  const tag = () => fetch(`http://${images.registry.host}/v2/acme/os-one/manifests/stable`);
  const dry = await type("stable", "amd64", "one", "--dry-run");
  expect(dry.stderr).toMatch(/^\+ skopeo .*copy .*@sha256:\w+ docker:\/\/\S+\/os-one:stable\n$/);
  expect([dry.code, (await tag()).status]).toEqual([0, 404]);
  const { code, stdout } = await type("stable", "amd64", "one");
  expect([code, stdout]).toEqual([0, `${images.namespace}/os-one:amd64 ${digest}\n`]);
  expect((await tag()).headers.get("docker-content-digest")).toBe(digest);
});

test("-q says nothing beside the result, -v shows what programs say as they say it", async () => {
  project.write(
    "scripts/talks.ts",
    `// talks\nimport { $, print, say, script } from "slipway";
await script(async () => { await $\`sh -c ${"${'echo heard; printf end'}"}\`; say("a note"); print("result"); });\n`,
  );
  const said = async (...words: string[]) => {
    const { code, stdout, stderr } = await type("talks", ...words);
    expect([code, stdout]).toEqual([0, "result\n"]);
    return stderr;
  };
  expect(await said()).toBe("a note\n");
  expect(await said("-q")).toBe("");
  expect(await said("-v")).toBe("  heard\n  end\na note\n");
});

test("stable: a failure looks as in our own commands", async () => {
  const { code, stdout, stderr } = await type("stable", "amd64", "two");
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toStartWith(`there is no image ${images.namespace}/os-two:amd64-`);
  expect(stderr).toMatch(/\n {2}tried: asked \S+ for it\n {2}next: .+\n$/);
  expect(await type("stable", "amd46", "two")).toMatchObject({ code: 2, stdout: "" });
});

test("old-images: those older than 30 days, and no others", async () => {
  const build = async (name: string, day: Date) => {
    const seconds = String(Math.floor(day.getTime() / 1000));
    project.write("made/Containerfile", `FROM scratch\nLABEL name=${name}\n`);
    const words = ["--quiet", "--timestamp", seconds, "--tag", `localhost/screen-scripts/${name}`];
    const { code, stderr } = await project.podman("build", ...words, join(project.root, "made"));
    expect([code, stderr]).toEqual([0, ""]);
  };
  await build("old", new Date(Date.now() - 31 * 86_400_000));
  await build("new", new Date(Date.now() - 29 * 86_400_000));
  const { code, stdout } = await type("old-images");
  expect(code).toBe(0);
  expect(stdout).toContain("localhost/screen-scripts/old:latest");
  expect(stdout).not.toContain("localhost/screen-scripts/new:latest");
});

test("the first comment is the help, and unknown words get the nearest script", async () => {
  const help = await type("digests", "--help");
  expect([help.code, help.stdout]).toEqual([
    0,
    `bun run digests [word…] [options]
  the digest of each target's published image

  --json         one JSON document on stdout
  -n, --dry-run  show what would run, change nothing
  -y, --yes      take the default of every question
  -h, --help     this text
  -q, --quiet    say nothing but the result and what is wrong
  -v, --verbose  show what the tools say too
  --version      the version of Slipway

example: bun run digests
`,
  ]);
  expect((await type("digest")).stderr).toContain("unknown command `digest`; did you mean `digests`?");
});

test("what a script's programs say is in its log, and the last of it in the message", async () => {
  project.write(
    "scripts/breaks.ts",
    `// breaks\nimport { $, script } from "slipway";\nawait script(() => $\`echo one && echo two >&2 && false\`);\n`,
  );
  const { code, stderr } = await type("breaks");
  const log = join(project.root, ".slipway/logs/breaks.log");
  expect([code, stderr]).toEqual([
    1,
    `echo one && echo two >&2 && false: exit code 1\n  tried: one\n  tried: two\n  log: ${log}\n`,
  ]);
  expect(readFileSync(log, "utf8")).toBe("one\ntwo\n");
});
