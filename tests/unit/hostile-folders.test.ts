import { afterAll, expect, test } from "bun:test";
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { readTree } from "../../lib/layers/read-tree.ts";
import { blobPath } from "../../lib/oci/layout.ts";
import { sha256 } from "../../lib/oci/manifest.ts";
import { openImage } from "../../lib/oci/source.ts";
import { Failure } from "../../lib/system/errors.ts";
import { Place, writeImage } from "../support/images.ts";
import { entry, tarOf } from "../support/tars.ts";

// A folder with an image may be anybody's: nothing in it but regular files is opened, and no document of it is believed.

const place = new Place();
const pool = new LayerPool(1);
afterAll(() => {
  pool.close();
  place.remove();
});

/** The folder's documents, to be changed before it is read. */
class Folder {
  readonly path: string;
  readonly layer: string;

  constructor(i: number) {
    this.path = writeImage(place.path(`${i}`), [tarOf([[entry("a"), "x"]])]);
    this.layer = this.blob(this.manifest().layers[0].digest);
  }

  private read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  index = () => this.read(join(this.path, "index.json"));
  blob = (digest: string) => blobPath(this.path, digest);
  manifest = () => this.read(this.blob(this.index().manifests[0].digest));
  config = () => this.read(this.blob(this.manifest().config.digest));

  put(text: string): { digest: string; size: number } {
    writeFileSync(this.blob(sha256(text)), text);
    return { digest: sha256(text), size: Buffer.byteLength(text) };
  }

  setIndex(value: unknown): void {
    writeFileSync(join(this.path, "index.json"), typeof value === "string" ? value : JSON.stringify(value));
  }

  setManifest(value: unknown): void {
    this.setIndex({ manifests: [this.put(typeof value === "string" ? value : JSON.stringify(value))] });
  }

  setConfig(value: unknown): void {
    this.setManifest({
      ...this.manifest(),
      config: this.put(typeof value === "string" ? value : JSON.stringify(value)),
    });
  }

  /** Another thing under the layer's name. */
  layerIs(make: (path: string) => void): void {
    rmSync(this.layer);
    make(this.layer);
  }
}

const pipe = (path: string) => void Bun.spawnSync(["mkfifo", path]);
const outside = join(place.root, "outside");
writeFileSync(outside, tarOf([[entry("a"), "x"]]));
const nested = (n: number) => `${"[".repeat(n)}${"]".repeat(n)}`;

const cases: [string, (folder: Folder) => void, RegExp][] = [
  ["the layer is a pipe", (f) => f.layerIs(pipe), /sha256\/.*: a pipe, not a file/],
  ["the layer is a link to /dev/zero", (f) => f.layerIs((p) => symlinkSync("/dev/zero", p)), /a link, not a file/],
  ["the layer is a link to a file outside", (f) => f.layerIs((p) => symlinkSync(outside, p)), /a link, not a file/],
  [
    "the layer is a link to a blob beside it",
    (f) => {
      renameSync(f.layer, `${f.layer}x`);
      symlinkSync(`${f.layer}x`, f.layer);
    },
    /a link, not a file/,
  ],
  [
    "the layer is a link to a pipe",
    (f) => {
      pipe(`${f.layer}p`);
      f.layerIs((p) => symlinkSync(`${f.layer}p`, p));
    },
    /a link, not a file/,
  ],
  [
    "the layer is a device",
    (f) => f.layerIs((p) => void Bun.spawnSync(["mknod", p, "c", "1", "5"])),
    /a device, not a file|missing/,
  ],
  ["the layer is a folder", (f) => f.layerIs((p) => mkdirSync(p)), /a folder, not a file/],
  ["the layer is a link to nothing", (f) => f.layerIs((p) => symlinkSync("/nowhere", p)), /missing/],
  ["the layer is missing", (f) => rmSync(f.layer), /missing/],
  ["the layer is shorter", (f) => truncateSync(f.layer, 100), /cut off at byte 100 of/],
  ["the layer goes on", (f) => truncateSync(f.layer, 1e6), /goes on after byte/],
  ["the layer is a petabyte", (f) => truncateSync(f.layer, 2 ** 42), /goes on after byte/],
  [
    "the layer has other bytes",
    (f) => writeFileSync(f.layer, Buffer.alloc(readFileSync(f.layer).length)),
    /changed or cut off before byte/,
  ],
  [
    "blobs/sha256 is a link to outside",
    (f) => {
      const moved = `${f.path}-moved`;
      renameSync(join(f.path, "blobs/sha256"), moved);
      symlinkSync(moved, join(f.path, "blobs/sha256"));
    },
    /leads out of/,
  ],
  [
    "blobs is a link to outside",
    (f) => {
      const moved = `${f.path}-moved`;
      renameSync(join(f.path, "blobs"), moved);
      symlinkSync(moved, join(f.path, "blobs"));
    },
    /leads out of/,
  ],
  [
    "index.json is a pipe",
    (f) => {
      rmSync(join(f.path, "index.json"));
      pipe(join(f.path, "index.json"));
    },
    /a pipe, not a file/,
  ],
  [
    "index.json is a link to /dev/zero",
    (f) => {
      rmSync(join(f.path, "index.json"));
      symlinkSync("/dev/zero", join(f.path, "index.json"));
    },
    /a link, not a file/,
  ],
  [
    "index.json has 100 MB",
    (f) => truncateSync(join(f.path, "index.json"), 1e8),
    /100000000 bytes; a document of an image has 4194304/,
  ],
  ["index.json nests 100,000 levels", (f) => f.setIndex(nested(100_000)), /nests deeper than 64/],
  ["index.json is noise", (f) => f.setIndex("\xff\0{"), /is no JSON document/],
  ["index.json is empty", (f) => f.setIndex(""), /is no JSON document/],
  [
    "an index of 50,000 images",
    (f) => f.setIndex({ manifests: Array(30_000).fill(f.index().manifests[0]) }),
    /bytes; a document|has no image for/,
  ],
  ["an index of none", (f) => f.setIndex({ manifests: [] }), /has no image/],
  [
    "an index of itself, by name",
    (f) =>
      f.setIndex({
        manifests: [
          f.put(JSON.stringify({ manifests: f.index().manifests.map(() => f.put(JSON.stringify(f.index()))) })),
        ],
      }),
    /an index in an index/,
  ],
  [
    "a digest that is a path",
    (f) => f.setIndex({ manifests: [{ digest: "sha256:../../../../etc/passwd", size: 1 }] }),
    /is no image manifest/,
  ],
  [
    "a digest of another kind",
    (f) => f.setIndex({ manifests: [{ digest: `md5:${"0".repeat(32)}`, size: 1 }] }),
    /is no image manifest/,
  ],
  ["a size of −1", (f) => f.setIndex({ manifests: [{ ...f.index().manifests[0], size: -1 }] }), /is no image manifest/],
  [
    "a size of 1e300",
    (f) => f.setIndex({ manifests: [{ ...f.index().manifests[0], size: 1e300 }] }),
    /is no image manifest/,
  ],
  [
    "a size that is not the blob's",
    (f) => f.setIndex({ manifests: [{ ...f.index().manifests[0], size: 7 }] }),
    /bytes, not 7 as stated/,
  ],
  [
    "annotations that are no text",
    (f) => f.setIndex({ manifests: [{ ...f.index().manifests[0], annotations: { a: 5 } }] }),
    /is no image manifest/,
  ],
  [
    "a platform that is text",
    (f) => f.setIndex({ manifests: [{ ...f.index().manifests[0], platform: "x" }] }),
    /is no image manifest/,
  ],
  [
    "the manifest is a pipe",
    (f) => {
      const p = f.blob(f.index().manifests[0].digest);
      rmSync(p);
      pipe(p);
    },
    /a pipe, not a file/,
  ],
  [
    "the manifest has 5 MB",
    (f) => f.setManifest({ ...f.manifest(), annotations: { a: "x".repeat(5e6) } }),
    /a document of an image has 4194304/,
  ],
  [
    "the manifest was changed",
    (f) => writeFileSync(f.blob(f.index().manifests[0].digest), "{}"),
    /does not hash to its name/,
  ],
  [
    "annotations of the manifest are a list",
    (f) => f.setManifest({ ...f.manifest(), annotations: [1] }),
    /is no image manifest/,
  ],
  [
    "10,000 layers",
    (f) => f.setManifest({ ...f.manifest(), layers: Array(10_000).fill(f.manifest().layers[0]) }),
    /has 10000 layers; Slipway reads 500/,
  ],
  ["layers that are no list", (f) => f.setManifest({ ...f.manifest(), layers: { length: 1 } }), /is no image manifest/],
  [
    "a layer of no size",
    (f) => f.setManifest({ ...f.manifest(), layers: [{ digest: f.manifest().layers[0].digest }] }),
    /is no image manifest/,
  ],
  [
    "one layer more than the configuration",
    (f) => f.setManifest({ ...f.manifest(), layers: Array(2).fill(f.manifest().layers[0]) }),
    /has 2 layers, the configuration 1/,
  ],
  [
    "the configuration has 100 MB",
    (f) => {
      const p = f.blob(f.manifest().config.digest);
      truncateSync(p, 1e8);
    },
    /100000000 bytes; a document/,
  ],
  [
    "the configuration is a link",
    (f) => {
      const p = f.blob(f.manifest().config.digest);
      renameSync(p, `${p}x`);
      symlinkSync(`${p}x`, p);
    },
    /a link, not a file/,
  ],
  [
    "the configuration nests 100,000 levels",
    (f) => f.setConfig(`{"rootfs":{"diff_ids":[]},"x":${nested(100_000)}}`),
    /nests deeper than 64/,
  ],
  ["the configuration is a list", (f) => f.setConfig([]), /is no JSON document/],
  [
    "another diff_id",
    (f) => f.setConfig({ ...f.config(), rootfs: { type: "layers", diff_ids: [sha256("x")] } }),
    /layer 1 .*not the one that the configuration names/,
  ],
  [
    "a diff_id that is a number",
    (f) => f.setConfig({ ...f.config(), rootfs: { diff_ids: [5] } }),
    /is no image configuration/,
  ],
  ["no diff_ids", (f) => f.setConfig({ ...f.config(), rootfs: {} }), /is no image configuration/],
  [
    "labels that are numbers",
    (f) => f.setConfig({ ...f.config(), config: { Labels: { a: 1 } } }),
    /is no image configuration/,
  ],
  [
    "labels that are a list",
    (f) => f.setConfig({ ...f.config(), config: { Labels: ["a"] } }),
    /is no image configuration/,
  ],
  ["a config that is text", (f) => f.setConfig({ ...f.config(), config: "x" }), /is no image configuration/],
  ["a time that is a number", (f) => f.setConfig({ ...f.config(), created: 5 }), /is no image configuration/],
  ["a history of nothing", (f) => f.setConfig({ ...f.config(), history: [null] }), /is no image configuration/],
  ["a history that is no list", (f) => f.setConfig({ ...f.config(), history: 5 }), /is no image configuration/],
];

async function open(folder: string): Promise<void> {
  const work = join(folder, "work");
  await readTree(await openImage(`oci:${folder}`, { work }), pool, work);
}

test.each(cases.map(([name, change, said], i) => [name, i, change, said] as const))(
  "%s",
  async (_, i, change, said) => {
    const folder = new Folder(i);
    change(folder);
    const error = await open(folder.path).catch((thrown: unknown) => thrown);
    if (!(error instanceof Failure)) throw error ?? new Error("it was read");
    expect(error.message).toMatch(said);
    expect(error.message).not.toContain("\n");
  },
);

test("the layer is a socket", async () => {
  const folder = new Folder(cases.length);
  rmSync(folder.layer);
  // a short name: that of a socket has 107 bytes
  const path = join(place.root, "s");
  const server = createServer().listen(path);
  await new Promise((done) => server.once("listening", done));
  linkSync(path, folder.layer);
  const error = await open(folder.path).catch((thrown: unknown) => thrown);
  server.close();
  expect(error).toBeInstanceOf(Failure);
  expect(String(error)).toContain("a socket, not a file");
});

test("as it was made, it is read", async () => {
  await open(new Folder(cases.length + 1).path);
});
