// needs: tiny
// reaches: build lint
// A Containerfile of the project's own, built as it stands: what Universal Blue's template has, on an image of 2 MB.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exec, Project, type Said } from "../support/sandbox.ts";
import { makeTiny, must, tiny } from "../support/small-images.ts";

setDefaultTimeout(120_000);

const project = new Project(["guaraos.pub", ".containerignore"]);
const registry = "localhost/slipway-own-test";
const base = `${registry}/base:1`;
const image = `${registry}/t-desk:amd64`;
const [password, netrc] = ["a-password-of-the-test", "a-file-of-the-test"];

const containerfile = `FROM scratch AS ctx
COPY build_files /

FROM ${base} AS system
ARG COLOUR=red
# @param this is a comment
RUN --mount=type=bind,from=ctx,source=/,target=/ctx \\
    --mount=type=secret,id=token --mount=type=secret,id=netrc \\
    sh /ctx/build.sh

FROM system AS tests
RUN touch /only-in-tests
`;

const flavor = (more = "") => `title: Desk
containerfile:
  file: image/Containerfile
  context: image
  target: system
  args: {COLOUR: blue}
  secrets: {token: {env: OWN_TEST_TOKEN}, netrc: {file: .netrc}}
arches: [amd64]
${more}`;

interface Row {
  state: string;
  why: string;
  log?: string;
}

async function build(
  name = "desk",
  env: Record<string, string> = { OWN_TEST_TOKEN: password },
): Promise<Said & { row: Row }> {
  Object.assign(project.env, env);
  const said = await project.slipway("build", "amd64", name, "--json");
  for (const key of Object.keys(env)) delete project.env[key];
  return { ...said, row: JSON.parse(said.stdout || "{}").targets?.at(-1) };
}

/** What a command prints in an image. */
const inImage = (...words: string[]) => must(project.podman("run", "--rm", "--network=none", image, ...words));

const makeBase = (text: string, ...words: string[]) => {
  project.write("base/Containerfile", text);
  return must(project.podman("build", "--quiet", ...words, "--tag", base, join(project.root, "base")));
};

beforeAll(async () => {
  Object.assign(process.env, { CONTAINERS_STORAGE_CONF: project.env.CONTAINERS_STORAGE_CONF });
  await makeTiny();
  await project.removeImages(`${registry}/`);
  await makeBase(`FROM ${tiny}\nLABEL version=1\n`);
  project.family("own", "desk");
  const family = readFileSync(join(project.root, "flavors/family.yaml"), "utf8");
  project.write("flavors/family.yaml", family.replace("{base: {debian: trixie}}", "{}"));
  project.write("flavors/desk.yaml", flavor());
  project.write("image/Containerfile", containerfile);
  project.write(
    "image/build_files/build.sh",
    `cat /run/secrets/token; wc -c </run/secrets/netrc >/length; echo $COLOUR >/colour\n`,
  );
  project.write(".netrc", netrc);
});

afterAll(async () => {
  await project.removeImages(`${registry}/`);
  project.remove();
});

test("it is built up to its target, with its arguments and what it mounts, on a base of podman's storage", async () => {
  const { row, stderr } = await build();
  expect(row).toMatchObject({ state: "built", why: "there is no image yet" });
  expect(stderr).toContain(`${image} is based on ${base}, which is in this machine's podman storage only`);
  expect(await inImage("cat", "/colour", "/length")).toBe(`blue\n${netrc.length}`);
  expect(await inImage("sh", "-c", "ls /only-in-tests /ctx /run/secrets 2>&1 | grep -c 'No such'")).toBe("2");
  const labels = JSON.parse(await must(project.podman("image", "inspect", "--format", "{{json .Labels}}", image)));
  expect(labels).toMatchObject({ version: "1", "org.opencontainers.image.base.name": base });
});

test("a secret is in no layer, history, label, log or answer", async () => {
  const all = await must(project.podman("image", "inspect", image));
  const history = await must(project.podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", image));
  expect(history).toContain("build.sh");
  const logs = await exec(["sh", "-c", `cat ${project.root}/.slipway/logs/*`]);
  expect(logs.stdout).toContain("***");
  for (const text of [all, history, logs.stdout]) {
    expect(text).not.toContain(password);
    expect(text).not.toContain(netrc);
  }
});

/** What a build would do. */
async function plan(): Promise<Row> {
  const { stdout } = await project.slipway("build", "amd64", "desk", "--dry-run", "--json");
  return JSON.parse(stdout).targets[0];
}

test("nothing changed, nothing is built; a mounted file and a new base count", async () => {
  const [skipped, changed] = ["its inputs did not change", "its inputs changed"];
  project.write("beside-the-context", "x");
  expect((await build("desk", { OWN_TEST_TOKEN: "another" })).row).toMatchObject({ state: "skipped", why: skipped });
  project.write("image/build_files/build.sh", "echo $COLOUR again >/colour\n");
  expect((await build()).row).toMatchObject({ state: "built", why: changed });
  expect(await inImage("cat", "/colour")).toBe("blue again");
  await makeBase(`FROM ${tiny}\nLABEL version=2\n`);
  expect((await plan()).why).toBe(changed);
});

test("a secret that is not there ends a build before podman", async () => {
  const { code, stderr } = await build("desk", {}); // the base changed, so it would be built
  expect(code).not.toBe(0);
  expect(stderr).toContain(`${image}: the secret token is not there: the variable OWN_TEST_TOKEN is not set`);
  expect(stderr).toContain("next: set it: export OWN_TEST_TOKEN=…");
});

test("a flavor on another one gets it as BASE; what --print gives is built by plain podman", async () => {
  project.write("flavors/top.yaml", "title: Top\nfrom: desk\ncontainerfile: top.Containerfile\narches: [amd64]\n");
  project.write("top.Containerfile", "ARG BASE\nFROM ${BASE}\nRUN cat /colour >/top\n");
  const { row } = await build("top");
  expect(row).toMatchObject({ state: "built" });
  const { stdout } = await project.slipway("build", "amd64", "top", "--print");
  project.write("printed.Containerfile", stdout);
  const words = ["--network=host", `--build-arg=BASE=${image}`, "--file", join(project.root, "printed.Containerfile")];
  await must(project.podman("build", "--quiet", ...words, "--tag", `${registry}/printed:1`, project.root));
});

test("a refresh builds all of it again, and asks the registry of its base, which may not answer", async () => {
  const far = "registry.invalid/own-test/base:1";
  await must(project.podman("tag", tiny, far));
  project.write("flavors/far.yaml", "title: Far\ncontainerfile: far.Containerfile\narches: [amd64]\n");
  project.write("far.Containerfile", `FROM ${far}\nRUN date +%s%N >/when\n`);
  const layers = () =>
    must(project.podman("image", "inspect", "--format", "{{.RootFS.Layers}}", `${registry}/t-far:amd64`));
  expect((await build("far")).row.state).toBe("built");
  const first = await layers();
  const said = await project.slipway("build", "amd64", "far", "--refresh");
  expect(said.stderr).toContain(`${far} could not be fetched again; the build uses the one in podman's storage`);
  expect(said.code).toBe(0);
  expect(await layers()).not.toBe(first);
  await project.podman("rmi", far);
});

test("an image of another architecture is refused: by its base before a build, by what came out after it", async () => {
  await makeBase("FROM scratch\nLABEL version=3\n", "--arch", "arm64");
  const before = await build();
  expect(before.code).toBe(1);
  expect(before.stderr).toContain(`${image}: its base is for arm64, and amd64 is amd64`);
  project.write("flavors/late.yaml", "title: Late\ncontainerfile: late.Containerfile\narches: [amd64]\n");
  project.write("late.Containerfile", "FROM --platform=linux/arm64 scratch\nLABEL a=b\n");
  const after = await build("late");
  expect(after.stderr).toContain("t-late:amd64 is for arm64, and amd64 is amd64");
  expect((await project.podman("image", "exists", `${registry}/t-late:amd64`)).code).toBe(1);
});
