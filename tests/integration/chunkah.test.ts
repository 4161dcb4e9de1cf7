// needs: debian
// reaches: rechunk flavors/ overlays/ containerfiles/
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { differences } from "../../lib/layers/compare.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import { openLayout } from "../../lib/oci/layout.ts";
import { packagesOf } from "../../lib/packages/record.ts";
import { decodeMemory, planAnnotation } from "../../lib/ship/rechunk/plan-annotation.ts";
import { standInChunkah } from "../stand-in/chunkah.ts";
import { Place, treeOf, writeImage } from "../support/images.ts";
import { Project } from "../support/sandbox.ts";
import { entry, tarOf } from "../support/tars.ts";

/** `rechunk --with chunkah`: what it is given, what it is asked, and what becomes of its answer. */
const project = new Project();
const place = new Place();

beforeAll(async () => {
  Object.assign(process.env, { CONTAINERS_STORAGE_CONF: project.env.CONTAINERS_STORAGE_CONF });
  const chunkah = await standInChunkah(project, place.path("stand-in"));
  const family = readFileSync(join(project.root, "flavors/family.yaml"), "utf8");
  project.write(
    "flavors/family.yaml",
    family.replace(/^rechunk: .*$/m, `rechunk: {layers: 8, prune: [/var/cache/], chunkah: "${chunkah}"}`),
  );
}, 300_000);

afterAll(() => {
  project.remove();
  place.remove();
});

const dir = (path: string): [Entry] => [entry(path, { kind: "dir", mode: 0o755 })];
const status = ["bash", "glibc"]
  .map((name) => `Package: ${name}\nStatus: install ok installed\nVersion: 1\n`)
  .join("\n");

function source(name: string, more: [Entry, string?][] = []): string {
  const items: [Entry, string?][] = [
    ...["usr", "usr/bin", "usr/lib", "usr/empty", "var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info"].map(dir),
    [entry("bin", { kind: "symlink", target: "usr/bin", mode: 0o777 })],
    [entry("usr/bin/bash", { mode: 0o755 }), "bash ".repeat(9000)],
    [entry("usr/bin/sh", { kind: "link", target: "usr/bin/bash" })],
    [entry("usr/bin/rbash", { kind: "symlink", target: "bash", mode: 0o777 })],
    [entry("usr/lib/libc.so", { mode: 0o600, uid: 5 }), "libc ".repeat(9000)],
    [entry("usr/lib/shadow", { mode: 0 }), "secret"],
    [entry("usr/lib/tagged", { xattrs: { "user.component": "old", "user.other": "stays" } }), "tagged"],
    [entry("var/lib/dpkg/status"), status],
    [entry("var/lib/dpkg/info/bash.list"), "/usr/bin/bash\n/usr/bin/sh\n/usr/bin/rbash\n"],
    [entry("var/lib/dpkg/info/glibc.list"), "/usr/lib/libc.so\n"],
    ...more,
  ];
  return writeImage(place.path(name), [tarOf(items)]);
}

test("chunkah gets our plan, the configuration as a file, a time, and no right that it does not need", async () => {
  const from = source("in");
  const to = join(place.root, "out");
  const said = await project.slipway("rechunk", "--image", `oci:${from}`, "--to", to, "--with", "chunkah", "--json");
  expect(said.stderr).not.toContain("failed");
  expect(said.code).toBe(0);
  const { config, manifest } = openLayout(to);
  expect(config.created).toBe("2024-01-01T00:00:00Z");
  const labels = config.config?.Labels ?? {};
  expect(labels["stand-in.words"]).toMatch(
    /^--rootfs \/chunkah --config \/run\/slipway\/config.json --max-layers \d+ --output \S+$/,
  );
  expect(labels["stand-in.epoch"]).toBe(String(Date.parse("2024-01-01T00:00:00Z") / 1000));
  expect(JSON.parse(Buffer.from(labels["stand-in.config"] ?? "", "hex").toString())).toEqual({});

  expect(packagesOf({ manifest, config })?.get("bash")).toBe("1");
  const memory = decodeMemory(manifest.annotations?.[planAnnotation]);
  const planned = (memory?.layers ?? []).map((layer) => layer.map((p) => p.name));
  const made = manifest.layers.map((l) => l.annotations?.["org.chunkah.component"]);
  expect(planned.length).toBeLessThanOrEqual(6);
  for (const [first] of planned) expect(made).toContain(`xattr/${first}`);
  expect(made).toContain("xattr/slipway/folders");
  expect(made.length).toBeLessThanOrEqual(8);

  const before = await treeOf(`oci:${from}`, place.path("a"));
  const after = await treeOf(`oci:${to}`, place.path("b"));
  const strip = (what: string) => !/^attributes [^;]*$/.test(what);
  expect(differences(before, after, 1_704_067_200).filter(({ what }) => strip(what))).toEqual([]);
  const attributes = after.nodes.xattrs(after.node(after.find("usr/lib/tagged")));
  expect(attributes?.["user.other"]).toBe("stays");
  expect(attributes?.["user.component"]).not.toBe("old");
  expect(after.node(after.find("usr/bin/sh"))).toBe(after.node(after.find("usr/bin/bash")));

  const { stdout } = await project.podman("image", "ls", "--all", "--format", "{{.Names}}");
  expect(stdout).not.toContain("chunkah-");
  expect(readdirSync(join(project.root, ".slipway/run"))).toEqual([]);
}, 300_000);

test("what chunkah cannot write is said before it runs, and nothing is left", async () => {
  const from = source("odd", [[entry("usr/pipe", { kind: "fifo" })]]);
  const to = join(place.root, "odd-out");
  const said = await project.slipway("rechunk", "--image", `oci:${from}`, "--to", to, "--with", "chunkah");
  expect(said.code).toBe(1);
  expect(said.stderr).toContain("chunkah cannot write /usr/pipe, which is a fifo file");
  expect(existsSync(to)).toBe(false);
}, 60_000);

test("another writer is no writer, and an image without a digest no image", async () => {
  expect((await project.slipway("rechunk", "--with", "magic")).code).toBe(2);
  const family = readFileSync(join(project.root, "flavors/family.yaml"), "utf8");
  project.write("flavors/family.yaml", family.replace(/chunkah: "[^"]*"/, 'chunkah: "quay.io/coreos/chunkah:latest"'));
  const said = await project.slipway("rechunk", "amd64", "minimal", "--dry-run");
  project.write("flavors/family.yaml", family);
  expect(said.code).toBe(2);
  expect(said.stderr).toContain("an image by its digest");
});

test("a dry run shows how chunkah would be called", async () => {
  const said = await project.slipway("rechunk", "amd64", "minimal", "--with", "chunkah", "--dry-run");
  expect(said.stdout).toContain("--network=none --read-only --cap-drop=all");
  expect(said.stdout).toMatch(/--env=SOURCE_DATE_EPOCH=\S+ .*chunkah@sha256:/);
});
