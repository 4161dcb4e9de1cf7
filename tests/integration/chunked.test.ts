// needs: registry
// reaches: rechunk
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differences } from "../../lib/layers/compare.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import { openLayout } from "../../lib/oci/layout.ts";
import { Place, treeOf, writeImage } from "../support/images.ts";
import { Registry } from "../support/registry.ts";
import { Project, type Said } from "../support/sandbox.ts";
import { entry, random, tarOf } from "../support/tars.ts";

/** Podman 5, told to fetch layers in parts, gets rechunked images from a real registry. */
const project = new Project();
const place = new Place();
let registry: Registry;

const noise = (seed: number, length: number) => {
  const next = random(seed);
  return Buffer.from(Uint8Array.from({ length }, () => next(256))).toString("latin1");
};
const big = noise(1, 5_000_000);

/** A package of one big file that stays, and a small one that does not. */
function system(version: string): Buffer {
  const capability = "\x01\0\0\x02\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0";
  const items: [Entry, string?][] = [
    [entry("usr", { kind: "dir", mode: 0o755 })],
    [entry("var/lib/dpkg/status"), "Package: app\nStatus: install ok installed\nVersion: 1\n"],
    [entry("var/lib/dpkg/info/app.list"), "/usr/app/big\n/usr/app/version\n/usr/app/linked\n"],
    [entry("usr/app/big", { mode: 0o755, xattrs: { "security.capability": capability } }), big],
    [entry("usr/app/linked", { kind: "link", target: "usr/app/big" })],
    [entry("usr/app/version"), version],
    [entry("usr/share/empty")],
    [entry("usr/share/pipe", { kind: "fifo" })],
    [entry("usr/share/to", { kind: "symlink", target: "../app/big", mode: 0o777 })],
    [entry("usr/share/\xc3\xbc", { mtime: 0, uid: 3_000_000 }), "text"],
    ...Array.from({ length: 40 }, (_, i): [Entry, string] => [entry(`usr/share/n${i}/file`), noise(i + 2, 3000)]),
  ];
  return tarOf(items);
}

async function must(said: Promise<Said>): Promise<string> {
  const { code, stdout, stderr } = await said;
  if (code !== 0) throw new Error(stderr.slice(-3000));
  return stdout;
}

const inPlace = (...parts: string[]) => join(place.root, ...parts);

beforeAll(async () => {
  registry = await Registry.start();
  mkdirSync(inPlace("store"));
  writeFileSync(
    inPlace("storage.conf"),
    `[storage]\ndriver = "overlay"\ngraphroot = "${inPlace("store/graph")}"\nrunroot = "${inPlace("store/run")}"
[storage.options]\npull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}\n`,
  );
  writeFileSync(inPlace("policy.json"), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  const go = async (version: string, previous: string) => {
    const source = writeImage(place.path(`in-${version}`), [system(version)]);
    const words = ["--image", `oci:${source}`, "--to", inPlace(version), "--previous", previous];
    await must(project.slipway("rechunk", ...words));
    const to = `docker://ghcr.io/acme/chunked:${version}`;
    await must(
      registry.tool(
        ...["skopeo", "--policy", inPlace("policy.json"), "copy", "--quiet", "--preserve-digests"],
        ...[`oci:${inPlace(version)}`, to],
      ),
    );
  };
  await go("one", "none");
  await go("two", `oci:${inPlace("one")}`);
}, 900_000);

afterAll(async () => {
  await registry.stop();
  project.remove();
  place.remove();
});

/** What podman says of a pull, and what the registry sent for it. */
async function pull(version: string): Promise<{ said: string; sent: number }> {
  const before = registry.sent;
  const { code, stderr } = await registry.tool(
    ...["env", `CONTAINERS_STORAGE_CONF=${inPlace("storage.conf")}`, "podman", "--log-level=debug", "pull"],
    ...["--quiet", "--signature-policy", inPlace("policy.json"), `ghcr.io/acme/chunked:${version}`],
  );
  if (code !== 0) throw new Error(stderr.slice(-3000));
  return { said: stderr, sent: registry.sent - before };
}

/** What podman's storage has, written out again; its contents were put together from parts. */
async function back(version: string): Promise<string> {
  const to = inPlace(`back-${version}`);
  await must(
    registry.tool(
      ...["env", `CONTAINERS_STORAGE_CONF=${inPlace("storage.conf")}`, "podman", "save", "--quiet"],
      ...["--format=oci-dir", "--uncompressed", "--output", to, `ghcr.io/acme/chunked:${version}`],
    ),
  );
  return to;
}

describe("podman 5", () => {
  test("takes every layer by its table of contents, and puts the same tars together", async () => {
    const { said } = await pull("one");
    const layers = openLayout(inPlace("one")).manifest.layers.length;
    expect(said.match(/Retrieved partial blob/g)?.length).toBe(layers);
    expect(said).not.toContain("Failed to retrieve partial blob");
    const to = await back("one");
    // reading it holds every layer against its diff_id
    expect(
      differences(await treeOf(`oci:${inPlace("one")}`, place.path("a")), await treeOf(`oci:${to}`, place.path("b"))),
    ).toEqual([]);
    expect(openLayout(to).config.rootfs.diff_ids).toEqual(openLayout(inPlace("one")).config.rootfs.diff_ids);
  }, 300_000);

  test("fetches of an update only the files that it lacks", async () => {
    const had = new Set(openLayout(inPlace("one")).manifest.layers.map((l) => l.digest));
    const fresh = openLayout(inPlace("two")).manifest.layers.filter((l) => !had.has(l.digest));
    const whole = fresh.reduce((sum, l) => sum + l.size, 0);
    expect(whole).toBeGreaterThan(big.length);
    const { said, sent } = await pull("two");
    expect(said.match(/Retrieved partial blob/g)?.length).toBe(fresh.length);
    expect(sent).toBeLessThan(whole / 10);
    const to = await back("two");
    expect(
      differences(await treeOf(`oci:${inPlace("two")}`, place.path("c")), await treeOf(`oci:${to}`, place.path("d"))),
    ).toEqual([]);
  }, 300_000);
});
