import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { writeStream } from "../../lib/layers/layer-stream.ts";
import type { Piece } from "../../lib/layers/layer-tar.ts";
import { writeChunked } from "../../lib/layers/layer-write.ts";
import { type Manifest, mediaTypes } from "../../lib/oci/manifest.ts";
import { packingOf } from "../../lib/ship/packing.ts";
import { isPackedAs } from "../../lib/ship/push/compare.ts";
import { unreadable } from "../../lib/ship/verify-current.ts";
import { Place } from "../support/images.ts";
import { family, project, removeProjects, small, target, told } from "../support/small-family.ts";
import { entry, random, readAll } from "../support/tars.ts";

// How layers are packed: as the machines that get them can read them.

const place = new Place();
afterAll(() => place.remove());
afterEach(removeProjects);

/** Contents that fill the writer's buffer several times, and a hole. */
function files(): { pieces: Piece[]; tar: string; contents: Map<string, Buffer> } {
  const next = random(5);
  const big = Buffer.from(Uint8Array.from({ length: 5_000_003 }, () => next(17)));
  const tar = join(place.root, "tar");
  writeFileSync(tar, big);
  const plain = { at: 0, tar: 0, mode: 0o644 };
  const holes: [number, number][] = [
    [100, 50],
    [3_000_000, 7],
  ];
  const sparse = Buffer.alloc(3_000_100);
  big.copy(sparse, 100, 0, 50);
  big.copy(sparse, 3_000_000, 50, 57);
  return {
    tar,
    pieces: [
      entry("a", { kind: "dir", mode: 0o755 }),
      entry("a/big", { ...plain, size: big.length }),
      entry("a/empty", { size: 0 }),
      entry("a/holes", { ...plain, size: sparse.length, parts: holes }),
    ],
    contents: new Map([
      ["a/big", big],
      ["a/empty", Buffer.alloc(0)],
      ["a/holes", sparse],
    ]),
  };
}

/** How many frames of zstd there are. Source: RFC 8878, 3.1.1. */
function frames(blob: Buffer): number {
  let count = 0;
  for (let at = 0; at < blob.length; ) {
    if (blob.readUInt32LE(at) !== 0xfd2fb528) throw new Error(`no frame at ${at}`);
    count++;
    const descriptor = blob[at + 4] ?? 0;
    const single = (descriptor >> 5) & 1;
    at += 5 + (single ? 0 : 1) + ([0, 1, 2, 4][descriptor & 3] ?? 0);
    at += [single, 2, 4, 8][descriptor >> 6] ?? 0;
    for (let last = false; !last; ) {
      const head = blob.readUIntLE(at, 3);
      last = (head & 1) === 1;
      at += 3 + (((head >> 1) & 3) === 1 ? 1 : head >> 3);
    }
    if (descriptor & 4) at += 4;
  }
  return count;
}

describe("a layer as one stream", () => {
  test.each<["zstd" | "gzip", (blob: Buffer) => Buffer]>([
    ["zstd", (blob) => Buffer.from(Bun.zstdDecompressSync(blob))],
    ["gzip", (blob) => gunzipSync(blob)],
  ])("%s has the same tar as zstd:chunked, and every time the same bytes", async (compression, unpack) => {
    const { pieces, tar, contents } = files();
    const path = (name: string) => join(place.root, name);
    const written = await writeStream(pieces, [tar], path("one"), { compression, level: 3 });
    const blob = readFileSync(path("one"));
    const sha256 = (bytes: Buffer) => `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
    expect(written).toEqual({
      digest: sha256(blob),
      size: blob.length,
      diffId: sha256(unpack(blob)),
      plainSize: unpack(blob).length,
    });
    const chunked = writeChunked(pieces, [tar], path("chunked"), 3);
    expect([written.diffId, written.plainSize]).toEqual([chunked.diffId, chunked.plainSize]);
    expect(await writeStream(pieces, [tar], path("two"), { compression, level: 3 })).toEqual(written);
    for (const { entry: e, stored } of readAll(unpack(blob)).slice(1))
      expect([e.path, Buffer.from(stored, "latin1").equals(contents.get(e.path) ?? Buffer.alloc(1))]).toEqual([
        e.path,
        true,
      ]);
    if (compression === "zstd") expect(frames(blob)).toBe(1);
  });
});

describe("what a flavor's machines read", () => {
  const push = (text: string) => ({ "flavors/family.yaml": `${small["flavors/family.yaml"]}${text}` });
  const of = (top: string, more: string) => {
    const all = family(project({ ...push(top), "flavors/one.yaml": `${small["flavors/one.yaml"]}${more}` }));
    return packingOf(target(all, "best", "one").flavor, all);
  };

  test("is one frame where bootc installs, else zstd:chunked, unless family.yaml says something else", () => {
    expect(of("", "bootc: true\n")).toEqual({ compression: "zstd", level: 3 });
    expect(of("", "bootc: false\n")).toEqual({ compression: "zstd:chunked", level: 3 });
    expect(of("push: {compression: gzip, level: 9}\n", "bootc: true\n")).toEqual({ compression: "gzip", level: 9 });
  });

  test("zstd:chunked for composefs is a mistake at its place", () => {
    const said = (top: string, more: string) =>
      told({ ...push(top), "flavors/one.yaml": `${small["flavors/one.yaml"]}${more}` });
    const composefs = "bootc: true\ninstall: {composefs: true, bootloader: systemd}\n";
    expect(said('push: {compression: "zstd:chunked"}\n', composefs)).toEqual([
      "flavors/family.yaml:10:21: machines of one cannot read `zstd:chunked`: bootc's composefs backend reads one frame a layer",
    ]);
    expect(said("push: {compression: zstd}\n", composefs)).toEqual([]);
    // its base needs it, whatever the flavor says of itself
    expect(
      told({
        ...push('push: {compression: "zstd:chunked"}\n'),
        "flavors/one.yaml": `${small["flavors/one.yaml"]}${composefs}`,
        "flavors/two.yaml": `${small["flavors/two.yaml"]}install: {composefs: false, bootloader: grub}\n`,
      }),
    ).toEqual([expect.stringContaining("machines of one cannot read")]);
    expect(said('push: {compression: "zstd:chunked"}\n', "")).toEqual([]);
  });
});

const manifest = (mediaType: string, annotations?: Record<string, string>): Manifest => ({
  schemaVersion: 2,
  config: { mediaType: "", digest: "", size: 0 },
  layers: [{ mediaType, digest: "", size: 0, ...(annotations ? { annotations } : {}) }],
});
const table = { "io.github.containers.zstd-chunked.manifest-checksum": "x" };

test("what is packed in another way than is wished is made anew", () => {
  const is = (m: Manifest) =>
    (["zstd:chunked", "zstd", "gzip"] as const).filter((compression) => isPackedAs(m, { compression, level: 3 }));
  expect(is(manifest(mediaTypes.zstdLayer, table))).toEqual(["zstd:chunked"]);
  expect(is(manifest(mediaTypes.zstdLayer))).toEqual(["zstd:chunked", "zstd"]);
  expect(is(manifest(mediaTypes.gzipLayer))).toEqual(["gzip"]);
  expect(is(manifest("application/vnd.oci.image.layer.v1.tar"))).toEqual([]);
});

test("verify names a published image that its machines cannot read", () => {
  const of = (more: string) =>
    target(family(project({ "flavors/one.yaml": `${small["flavors/one.yaml"]}${more}` })), "best", "two");
  const composefs = of("bootc: true\ninstall: {composefs: true}\n");
  expect(unreadable(composefs, manifest(mediaTypes.zstdLayer, table))).toContain("bootc's composefs backend");
  expect(unreadable(composefs, manifest(mediaTypes.zstdLayer))).toBeUndefined();
  expect(unreadable(of("bootc: true\n"), manifest(mediaTypes.zstdLayer, table))).toBeUndefined();
});
