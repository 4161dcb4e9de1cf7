// reaches: build containerfiles/
// How many layers podman can mount: podman itself is asked, and what a build says before it must agree.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mostLayers } from "../../lib/builders/containerfile/depth.ts";
import { writeImage } from "../support/images.ts";
import { Project } from "../support/sandbox.ts";
import { entry, tarOf } from "../support/tars.ts";

setDefaultTimeout(120_000);

const project = new Project(["guaraos.pub", ".containerignore"]);
const images = join(tmpdir(), `depth-${process.pid}`);
const registry = "localhost/slipway-depth-test";
const most = 128;
let old = false;

/** A base of so many layers, one file in each. */
async function base(layers: number): Promise<void> {
  const tars = Array.from({ length: layers }, (_, i) => tarOf([[entry(`f${i}`), "x"]]));
  const history = tars.map(() => ({ created_by: "a test" }));
  const image = writeImage(join(images, `${layers}`), tars, undefined, undefined, { history });
  const pulled = await project.podman("pull", "--quiet", `oci:${image}`);
  if (pulled.code !== 0) throw new Error(pulled.stderr);
  await project.podman("tag", pulled.stdout.trim(), `${registry}/base:${layers}`);
}

beforeAll(async () => {
  project.write(
    "flavors/family.yaml",
    `name: test
title: Test
registry: ${registry}
prefix: t
key: guaraos.pub
default: {arch: fits, flavor: one}
arches:
  fits: {base: "${registry}/base:${most - 1}"}
  deep: {base: "${registry}/base:${most}"}
`,
  );
  project.write("flavors/one.yaml", "title: One\nrecipe: one\narches: [fits, deep]\n");
  project.write("containerfiles/one.Containerfile", "# @base\nFROM ${BASE}\nCOPY guaraos.pub /key\n");
  await base(most - 1);
  await base(most);
  old = mostLayers((await project.podman("version", "--format", "{{.Client.Version}}")).stdout.trim()) === most;
});

afterAll(async () => {
  await project.removeImages(`${registry}/`);
  project.remove();
  rmSync(images, { recursive: true, force: true });
});

/** Whether podman can mount a container of an image, and so run it. */
async function runs(image: string): Promise<boolean> {
  const id = (await project.podman("create", image, "/x")).stdout.trim();
  const mounted = await project.podman("mount", id);
  if (mounted.code !== 0) expect(mounted.stderr).toContain("max depth exceeded");
  await project.podman("rm", id);
  return mounted.code === 0;
}

test("an image of as many layers as podman mounts is built, and runs", async () => {
  const { code, stderr } = await project.slipway("build", "fits", "one");
  expect(stderr).not.toContain("✗");
  expect(code).toBe(0);
  expect(await runs(`${registry}/t-one:fits`)).toBe(true);
});

test("one layer more is refused by the podman that could not run it, and built by a newer one", async () => {
  project.write("plain.Containerfile", `FROM ${registry}/base:${most}\nCOPY guaraos.pub /key\n`);
  const file = join(project.root, "plain.Containerfile");
  const built = await project.podman("build", "--quiet", "--tag", `${registry}/plain`, "--file", file, project.root);
  const works = built.code === 0 && (await runs(`${registry}/plain`));
  expect(works).toBe(!old);
  const { code, stderr } = await project.slipway("build", "deep", "one");
  expect(code).toBe(works ? 0 : 1);
  if (works) return;
  expect(stderr).toMatch(/t-one:deep would have too many layers: podman 4\.\S+ mounts 128/);
  expect(stderr).toContain(`base:${most} has ${most} layers`);
  expect(stderr).toContain("use podman 4.4 or later");
});
