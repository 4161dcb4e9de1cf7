// reaches: clean
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkout, Project } from "../support/sandbox.ts";
import { keys, Terminal } from "../support/terminal.ts";

setDefaultTimeout(120_000);

const project = new Project();
const storage = mkdtempSync(join(tmpdir(), "sw-"));
const family = "ghcr.io/guara92/guaraos-minimal:amd64";
const theirs = "localhost/theirs:1";

/** Builds an image of one small file. */
async function build(recipe: string, ...words: string[]): Promise<void> {
  const context = join(storage, "context");
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, "file"), `${Math.random()}`);
  writeFileSync(join(context, "Containerfile"), recipe);
  const { code, stderr } = await project.podman("build", ...words, context);
  if (code !== 0) throw new Error(stderr);
}

beforeAll(async () => {
  // A storage of its own, without mounts: what clean removes, other tests want to keep.
  const conf = join(storage, "storage.conf");
  writeFileSync(conf, `[storage]\ndriver = "vfs"\ngraphroot = "${storage}/g"\nrunroot = "${storage}/r"\n`);
  Object.assign(project.env, { CONTAINERS_STORAGE_CONF: conf });
  const ours = "FROM scratch\nCOPY file /usr/libexec/slipway/\n";
  await build(ours, "--label", "org.slipway.key=1", "--tag", family);
  // the same name again: the first one is unnamed now
  await build(ours, "--label", "org.slipway.key=2", "--tag", family);
  await build(`FROM ${family}\nCOPY file /mine\n`, "--tag", theirs);
  await build(`FROM ${family}\nCOPY file /mine\n`);
  await build(
    "FROM scratch\nCOPY file /x\n",
    "--label",
    "org.slipway.toolbox=0",
    "--tag",
    "localhost/slipway-toolbox:0",
  );
  project.write(".slipway/logs/old.log", "x");
  project.write(".slipway/run/999999999-ab/tmp/x", "x");
  project.write(".slipway/cache/manifest.json", "x");
});

afterAll(() => {
  project.remove();
  rmSync(storage, { recursive: true, force: true });
});

async function images(): Promise<string[]> {
  const { stdout } = await project.podman("image", "ls", "--format", "{{.Repository}}:{{.Tag}}");
  return stdout.trim().split("\n").sort();
}

const start = ["<none>:<none>", "<none>:<none>", family, "localhost/slipway-toolbox:0", theirs].sort();

test("without a terminal it shows what there is, removes nothing and asks for --yes", async () => {
  const { code, stdout, stderr } = await project.slipway("clean");
  expect(code).toBe(2);
  expect(stdout).toContain(".slipway/logs");
  expect(stdout).toContain("localhost/slipway-toolbox:0");
  expect(stderr).toContain("bun run clean --yes");
  expect(await images()).toEqual(start);
});

test("--dry-run changes nothing, and says so to programs", async () => {
  const { code, stdout } = await project.slipway("clean", "--all", "--dry-run", "--json");
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { removed: boolean; images: { named: string[]; unnamed: string[] } };
  expect(report.removed).toBe(false);
  expect(report.images.named.sort()).toEqual([family, "localhost/slipway-toolbox:0"]);
  expect(report.images.unnamed.length).toBe(1);
  expect(await images()).toEqual(start);
});

test("in a terminal, no is no", async () => {
  const terminal = new Terminal([process.execPath, join(checkout, "scripts/clean.ts")], {
    ...project.env,
    CI: undefined,
  });
  await terminal.see("Remove this?");
  terminal.press("n", keys.enter);
  await terminal.see("nothing was removed");
  expect(await terminal.end()).toBe(0);
  expect(await images()).toEqual(start);
});

test("--yes removes logs, the dead, old builds and old toolboxes; others' images and the caches stay", async () => {
  const { code, stderr } = await project.slipway("clean", "--yes");
  expect([code, stderr]).toEqual([0, ""]);
  expect(await images()).toEqual(["<none>:<none>", family, theirs].sort());
  expect(existsSync(join(project.root, ".slipway/logs"))).toBe(false);
  expect(existsSync(join(project.root, ".slipway/run/999999999-ab"))).toBe(false);
  expect(existsSync(join(project.root, ".slipway/cache/manifest.json"))).toBe(true);
});

test("--all takes the family's images and the caches too, and still not others' images", async () => {
  const { code } = await project.slipway("clean", "--all", "--yes");
  expect(code).toBe(0);
  expect(await images()).toEqual(["<none>:<none>", theirs]);
  expect(existsSync(join(project.root, ".slipway/cache"))).toBe(false);
});

test("with nothing left there is nothing to ask", async () => {
  const { code, stdout } = await project.slipway("clean");
  expect([code, stdout]).toEqual([0, expect.stringContaining("Nothing to remove.")]);
});

test("the cache that all clones share goes with --cache only", async () => {
  const cache = join(storage, "cache");
  Object.assign(project.env, { XDG_CACHE_HOME: cache });
  for (const path of ["debian/trixie-1.tar", "debian/trixie-1.tar.sha256", "test-images/graph/x", "of-somebody-else"]) {
    mkdirSync(join(cache, "slipway", path, ".."), { recursive: true });
    writeFileSync(join(cache, "slipway", path), "x");
  }
  expect((await project.slipway("clean", "--all", "--dry-run")).stdout).not.toContain(cache);
  const shown = await project.slipway("clean", "--cache", "--dry-run");
  expect(shown.stdout).toMatch(/^1 B +\/.*\/slipway\/debian\/trixie-1\.tar +a Debian root$/m);
  expect(shown.stdout).toMatch(/^1 B +\/.*\/slipway\/test-images +images that the tests share$/m);
  expect((await project.slipway("clean", "--cache", "--yes")).code).toBe(0);
  expect(readdirSync(join(cache, "slipway")).sort()).toEqual(["debian", "of-somebody-else"]);
  expect(readdirSync(join(cache, "slipway/debian"))).toEqual([]);
});
