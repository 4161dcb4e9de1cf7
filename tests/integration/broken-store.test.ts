// reaches: build clean doctor rechunk
import { afterAll, afterEach, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Project } from "../support/sandbox.ts";

// A store in which an image is broken, as a SIGKILL or a power cut in the middle of a write leaves it: who meets it, and what goes.
setDefaultTimeout(300_000);

const project = new Project(["containerfiles", ".containerignore", "guaraos.pub"]);
// A storage of its own, without mounts: nobody else shall stumble over what is broken here.
const storage = mkdtempSync("/var/tmp/sw-broken-");
const store = join(storage, "g");
const images = join(store, "vfs-images");

interface Record {
  id: string;
  names?: string[] | null;
  layer: string;
  "big-data-names"?: string[];
}

const records = (): Record[] => JSON.parse(readFileSync(join(images, "images.json"), "utf8"));

async function build(recipe: string, ...words: string[]): Promise<string> {
  const context = join(storage, "context");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "file"), recipe);
  writeFileSync(join(context, "Containerfile"), recipe);
  const { code, stdout, stderr } = await project.podman("build", "--quiet", ...words, context);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** An image as podman leaves it when it is killed before the manifest: no name yet, only what was written first. */
function cutOff(id: string, keep: (name: string) => boolean): void {
  const all = records();
  const image = all.find((one) => one.id === id);
  if (!image) throw new Error(`no image ${id}`);
  const kept = (image["big-data-names"] ?? []).filter(keep);
  Object.assign(image, { names: null, "big-data-names": kept, "big-data-sizes": {}, "big-data-digests": {} });
  const files = kept.map((name) => `=${Buffer.from(name).toString("base64")}`);
  for (const file of readdirSync(join(images, id))) if (!files.includes(file)) rmSync(join(images, id, file));
  writeFileSync(join(images, "images.json"), JSON.stringify(all));
}

const isConfig = (name: string) => name.startsWith("sha256:");
/** podman notices a changed list by what stands in its lock. */
const noticed = () => rmSync(join(images, "images.lock"), { force: true });

let ours = "";
let theirs = "";
let named = "";
const family = "localhost/slipway-broken-test/t-one:amd64";

beforeAll(async () => {
  const conf = join(storage, "storage.conf");
  writeFileSync(conf, `[storage]\ndriver = "vfs"\ngraphroot = "${store}"\nrunroot = "${storage}/r"\n`);
  Object.assign(project.env, { CONTAINERS_STORAGE_CONF: conf });
  project.family("broken", "one");
  project.write("flavors/one.yaml", "title: One\nrecipe: tiny\narches: [amd64]\n");
  project.write("containerfiles/tiny.Containerfile", "# @base\nFROM ${BASE}\n");
  ours = await build("FROM scratch\nCOPY file /usr/libexec/slipway/\n");
  theirs = await build("FROM scratch\nCOPY file /theirs\n", "--tag", "localhost/theirs:1");
  named = await build("FROM scratch\nCOPY file /one\n", "--label", "org.slipway.key=1", "--tag", family);
  cpSync(store, join(storage, "whole"), { recursive: true });
});

beforeEach(() => {
  rmSync(store, { recursive: true, force: true });
  cpSync(join(storage, "whole"), store, { recursive: true });
});

afterEach(noticed);

afterAll(() => {
  project.remove();
  rmSync(storage, { recursive: true, force: true });
});

const ids = () => records().map(({ id }) => id);
const emptied = (id: string) => writeFileSync(join(images, id, "manifest"), "");
const withoutLayer = (id: string) => {
  const file = join(store, "vfs-layers/layers.json");
  const layer = records().find((one) => one.id === id)?.layer;
  const layers = JSON.parse(readFileSync(file, "utf8")) as { id: string }[];
  writeFileSync(file, JSON.stringify(layers.filter((one) => one.id !== layer)));
};

interface Checkup {
  good: boolean;
  broken: { image: string; fix: string }[];
}

async function doctor(): Promise<Checkup> {
  const { stdout } = await project.slipway("doctor", "--json");
  return JSON.parse(stdout);
}

test("what a killed build of ours left: doctor names it, the next command that looks at images removes it", async () => {
  cutOff(ours, isConfig);
  const { good, broken } = await doctor();
  expect(good).toBe(false);
  expect(broken).toEqual([
    { image: `an image without a name (${ours.slice(0, 12)}): its manifest is missing`, fix: "bun run clean" },
  ]);
  expect((await project.slipway("rechunk", "amd64", "one", "--layers", "2")).code).toBe(0);
  expect(ids()).not.toContain(ours);
  expect(ids()).toContain(theirs);
  expect((await project.podman("image", "ls")).stderr).toBe("");
});

test("clean removes it, and shows it first", async () => {
  cutOff(ours, isConfig);
  const dry = await project.slipway("clean", "--dry-run");
  expect(dry.stdout).toContain(`(${ours.slice(0, 12)}): its manifest is missing`);
  expect(ids()).toContain(ours);
  expect((await project.slipway("clean", "--yes")).code).toBe(0);
  expect(ids()).not.toContain(ours);
});

test.each<[string, (id: string) => void, RegExp]>([
  ["a manifest that the power cut emptied", emptied, /its manifest is missing/],
  ["a manifest that is gone", (id) => rmSync(join(images, id, "manifest")), /its manifest is missing/],
  ["a layer that is gone", withoutLayer, /does not know its layer/],
])("the family's own image with %s: clean removes it by its name", async (_, spoil, why) => {
  spoil(named);
  expect((await project.slipway("clean", "--dry-run")).stdout).toMatch(why);
  const { code, stderr } = await project.slipway("clean", "--yes");
  expect([code, stderr]).toEqual([0, ""]);
  expect(ids()).not.toContain(named);
  expect(ids()).toContain(theirs);
  expect((await project.slipway("clean", "--dry-run")).code).toBe(0);
});

test.each<[string, (id: string) => void]>([
  ["its manifest", (id) => rmSync(join(images, id, "manifest"))],
  ["its layer", withoutLayer],
])("somebody else's image without %s stays: commands name it, and what removes it", async (_, spoil) => {
  spoil(theirs);
  const removes = `podman rmi --force ${theirs.slice(0, 12)}`;
  for (const command of [
    ["build", "amd64", "one", "--dry-run"],
    ["clean", "--yes"],
    ["rechunk", "amd64", "one"],
  ]) {
    const { code, stderr } = await project.slipway(command[0] ?? "", ...command.slice(1));
    expect(code).toBe(1);
    expect(stderr).toContain("localhost/theirs:1");
    expect(stderr).toContain(removes);
    expect(stderr).not.toContain("a bug in Slipway");
  }
  expect(ids()).toContain(theirs);
  expect((await project.podman("rmi", "--force", theirs)).code).toBe(0);
  expect((await project.slipway("clean", "--dry-run")).code).toBe(0);
});

test("doctor names somebody else's broken image, and finds nothing in a whole store", async () => {
  expect((await doctor()).broken).toEqual([]);
  emptied(theirs);
  const fix = `podman rmi --force ${theirs.slice(0, 12)}`;
  expect((await doctor()).broken).toEqual([{ image: expect.stringContaining("localhost/theirs:1"), fix }]);
});

test("an image that says nothing of whom it is, since it was cut off at once, is nobody's to remove", async () => {
  cutOff(ours, () => false);
  await project.slipway("clean", "--yes");
  expect(ids()).toContain(ours);
});
