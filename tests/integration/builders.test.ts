// reaches: lib/builders/ build
// A second builder beside the one for Containerfiles: all but the build itself is common, and a flavor of one is a base for the other.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { checkout, exec, Project } from "../support/sandbox.ts";

setDefaultTimeout(120_000);

const project = new Project(["guaraos.pub", ".containerignore"]);
const registry = "localhost/slipway-builders-test";

interface Row {
  reference: string;
  state: string;
  why: string;
  commands?: string[];
}

async function build(...args: string[]): Promise<{ code: number; rows: Row[]; stderr: string }> {
  const words = [process.execPath, join(checkout, "tests/support/tiny-builder.ts"), ...args];
  const { code, stdout, stderr } = await exec(words, project.env);
  return { code, rows: stdout ? JSON.parse(stdout).targets : [], stderr };
}

const states = (rows: Row[]) => rows.map(({ reference, state, why }) => [reference.slice(registry.length), state, why]);

beforeAll(() => {
  project.family("builders", "tiny");
  project.write("flavors/tiny.yaml", "title: Tiny\nbuilder: tiny\ncontent: content.txt\narches: [amd64]\n");
  project.write("flavors/two.yaml", "title: Two\nrecipe: one\nfrom: tiny\narches: [amd64]\n");
  project.write("containerfiles/one.Containerfile", "# @base\nFROM ${BASE}\nCOPY guaraos.pub /key\n");
  project.write("content.txt", "first\n");
});

afterAll(async () => {
  await project.removeImages(`${registry}/`);
  project.remove();
});

test("a dry run shows what each builder would type, and no base where there is none", async () => {
  const { rows, stderr } = await build("--dry-run");
  expect(stderr).toBe("");
  expect(states(rows)).toEqual([
    ["/t-tiny:amd64", "would build", "there is no image yet"],
    ["/t-two:amd64", "would build", "there is no image yet"],
  ]);
  expect(rows[0]?.commands).toEqual([`tiny content.txt ${registry}/t-tiny:amd64`]);
  expect(rows[1]?.commands?.join()).toContain("podman build");
});

test("both are built, then skipped, then built again by what changed", async () => {
  expect(states((await build()).rows)).toEqual([
    ["/t-tiny:amd64", "built", "there is no image yet"],
    ["/t-two:amd64", "built", "there is no image yet"],
  ]);
  const nothing = "its inputs did not change";
  expect(states((await build()).rows)).toEqual([
    ["/t-tiny:amd64", "skipped", nothing],
    ["/t-two:amd64", "skipped", nothing],
  ]);
  project.write("content.txt", "second\n");
  const changed = "its inputs changed";
  expect(states((await build()).rows)).toEqual([
    ["/t-tiny:amd64", "built", changed],
    ["/t-two:amd64", "built", changed],
  ]);
  const { stdout } = await project.podman("image", "inspect", `${registry}/t-tiny:amd64`);
  expect(JSON.parse(stdout)[0].Labels).toMatchObject({
    "org.opencontainers.image.title": "Test Tiny",
    "org.slipway.key": expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(JSON.parse(stdout)[0].Labels).not.toHaveProperty("org.opencontainers.image.base.name");
  const id = (await project.podman("create", `${registry}/t-two:amd64`, "/x")).stdout.trim();
  const file = join(project.root, "copy");
  await project.podman("cp", `${id}:/content`, file);
  await project.podman("rm", id);
  expect(await Bun.file(file).text()).toBe("second\n");
});

test("a failure of one leaves out what is based on it", async () => {
  project.write("content.txt", "bad\n");
  const { code, rows, stderr } = await build();
  expect(code).toBe(1);
  expect(rows.map(({ state }) => state)).toEqual(["failed", "left"]);
  expect(stderr).toContain("content.txt is bad");
});

test("a builder that ends well without an image has failed", async () => {
  project.write("content.txt", "nothing\n");
  await project.removeImages(`${registry}/`);
  const { rows } = await build();
  expect(rows.map(({ state }) => state)).toEqual(["failed", "left"]);
  expect(rows[0]?.why).toBe(
    `${registry}/t-tiny:amd64: the builder tiny ended well, but the image is not in podman's storage`,
  );
});
