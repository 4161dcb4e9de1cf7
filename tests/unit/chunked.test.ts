import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Crc64 } from "../../lib/layers/crc64.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import type { Piece, WrittenLayer } from "../../lib/layers/layer-tar.ts";
import { writeChunked } from "../../lib/layers/layer-write.ts";
import { Place } from "../support/images.ts";
import { entry, random, readAll } from "../support/tars.ts";

const place = new Place();
afterAll(() => place.remove());
let count = 0;

/** Bit by bit, as the standard defines it. */
function slowCrc(bytes: Uint8Array): string {
  const all = (1n << 64n) - 1n;
  let crc = all;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0xd800000000000000n : crc >> 1n;
  }
  return (crc ^ all).toString(16).padStart(16, "0");
}

function crcOf(...pieces: Uint8Array[]): string {
  const crc = new Crc64();
  for (const piece of pieces) crc.update(piece);
  return crc.digest().toString("hex");
}

test("the CRC is the one of ISO 3309, however the bytes come", () => {
  expect(crcOf(new TextEncoder().encode("123456789"))).toBe("b90956c775a41001");
  const next = random(3);
  for (const length of [0, 1, 7, 8, 9, 15, 64, 1003]) {
    const bytes = Uint8Array.from({ length }, () => next(256));
    expect(crcOf(bytes)).toBe(slowCrc(bytes));
    const cut = Math.floor(length / 16) * 8;
    expect(crcOf(bytes.slice(0, cut), bytes.slice(cut))).toBe(slowCrc(bytes));
  }
});

const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes);

/** A layer of these files, each with its content. */
function layer(items: [Entry, Buffer?][]): { written: WrittenLayer; blob: Buffer } {
  const folder = place.path(`l${++count}`);
  const tar = join(folder, "tar");
  const contents = items.map(([, bytes]) => bytes ?? Buffer.alloc(0));
  writeFileSync(tar, Buffer.concat(contents));
  let at = 0;
  const pieces = items.map(([e], i): Piece => {
    const bytes = contents[i] ?? Buffer.alloc(0);
    const from = at;
    at += bytes.length;
    if (e.kind !== "file") return e;
    const hash = sha256(bytes).digest("base64").slice(0, 43);
    return { ...e, hash, size: bytes.length, at: from, ...(bytes.length ? { tar: 0 } : {}) };
  });
  const path = join(folder, "blob");
  return { written: writeChunked(pieces, [tar], path, 3), blob: readFileSync(path) };
}

interface Row {
  type: string;
  name: string;
  digest?: string;
  offset?: number;
  endOffset?: number;
  [more: string]: unknown;
}

const names = "io.github.containers.zstd-chunked";

/** What a reader learns from the annotations alone, each part held against its checksum. */
function read({ written, blob }: ReturnType<typeof layer>) {
  const annotations = written.annotations ?? {};
  const numbers = (name: string) => (annotations[`${names}.${name}`] ?? "").split(":").map(Number);
  const [at = 0, packed = 0, plain = 0, type] = numbers("manifest-position");
  const [splitAt = 0, splitPacked = 0, splitPlain = 0] = numbers("tarsplit-position");
  const table = blob.subarray(at, at + packed);
  expect(`sha256:${sha256(table).digest("hex")}`).toBe(annotations[`${names}.manifest-checksum`] ?? "");
  const text = Bun.zstdDecompressSync(table);
  expect([text.length, type]).toEqual([plain, 1]);
  const toc: { version: number; entries: Row[]; tarSplitDigest: string } = JSON.parse(text.toString("utf8"));
  const split = blob.subarray(splitAt, splitAt + splitPacked);
  expect(`sha256:${sha256(split).digest("hex")}`).toBe(toc.tarSplitDigest);
  const lines = Bun.zstdDecompressSync(split).toString("utf8");
  expect(Buffer.byteLength(lines)).toBe(splitPlain);
  const footer = blob.subarray(blob.length - 64);
  expect(footer.toString("latin1", 56)).toBe("GNUlInUx");
  expect([0, 8, 16, 24, 32, 40, 48].map((i) => Number(footer.readBigUInt64LE(i)))).toEqual([
    ...[at, packed, plain, 1],
    ...[splitAt, splitPacked, splitPlain],
  ]);
  return { toc, lines: lines.trimEnd().split("\n") };
}

/** A file's content from its frames alone. */
function contentOf({ offset = 0, endOffset = 0 }: Row, blob: Buffer): Buffer {
  return Buffer.from(Bun.zstdDecompressSync(blob.subarray(offset, endOffset)));
}

const noise = (length: number) => {
  const next = random(length);
  return Buffer.from(Uint8Array.from({ length }, () => next(256)));
};

const system = (): [Entry, Buffer?][] => [
  [entry("", { kind: "dir", mode: 0o755 })],
  [entry("usr", { kind: "dir", mode: 0o755 })],
  [entry("usr/small", { mtime: -5 }), Buffer.from("small")],
  [entry("usr/empty")],
  [entry("usr/\xc3\xbc", { xattrs: { "security.capability": "\x01\0\xff" } }), Buffer.from("text")],
  [entry("usr/big", { uid: 3_000_000 }), noise(5_000_001)],
  [entry("usr/link", { kind: "link", target: "usr/big" })],
  [entry("usr/to", { kind: "symlink", target: "small" })],
  [entry("usr/null", { kind: "char", major: 1, minor: 3 })],
  [entry(`usr/${"long/".repeat(60)}x`), Buffer.from("deep")],
];

describe("a layer", () => {
  test("has a table of contents, with frames of every file's own", () => {
    const items = system();
    const made = layer(items);
    const { toc } = read(made);
    expect(toc.version).toBe(1);
    const paths = toc.entries.map((e) => e.name);
    expect(paths.slice(0, 4)).toEqual(["./", "usr/", "usr/small", "usr/empty"]);
    expect(paths[4]).toBe("usr/ü");
    for (const [i, [, bytes]] of items.entries()) {
      const row = toc.entries[i];
      if (!row || !bytes) continue;
      expect(contentOf(row, made.blob).equals(bytes)).toBe(true);
      expect(row.digest).toBe(`sha256:${sha256(bytes).digest("hex")}`);
    }
    expect(toc.entries[4]?.xattrs).toEqual({
      "security.capability": Buffer.from("\x01\0\xff", "latin1").toString("base64"),
    });
    expect(toc.entries[2]).toMatchObject({ type: "reg", mode: 0o644, size: 5, modtime: "1969-12-31T23:59:55Z" });
    expect(toc.entries[3]?.offset).toBeUndefined();
    expect(toc.entries[6]).toMatchObject({ type: "hardlink", linkName: "usr/big", size: 0 });
    expect(toc.entries[8]).toMatchObject({ type: "char", devMajor: 1, devMinor: 3 });
  });

  test("is put together again from the tar's split and the files", () => {
    const made = layer(system());
    const { toc, lines } = read(made);
    const rows = new Map(toc.entries.map((row) => [row.name, row]));
    const parts = lines.map((line, position) => {
      const part: { type: number; name: string; size: number; payload: string | null; position: number } =
        JSON.parse(line);
      expect(part.position).toBe(position);
      if (part.type === 2) return Buffer.from(part.payload ?? "", "base64");
      const row = rows.get(part.name);
      if (!row || part.size === 0) return Buffer.alloc(0);
      const bytes = contentOf(row, made.blob);
      expect(Buffer.from(part.payload ?? "", "base64").toString("hex")).toBe(crcOf(new Uint8Array(bytes)));
      return bytes;
    });
    const tar = Buffer.concat(parts);
    expect(`sha256:${sha256(tar).digest("hex")}`).toBe(made.written.diffId);
    expect(tar.length).toBe(made.written.plainSize);
  });

  test("is a tar in zstd to who knows nothing of that", () => {
    const items = system();
    const made = layer(items);
    const tar = Buffer.from(Bun.zstdDecompressSync(made.blob));
    expect(`sha256:${sha256(tar).digest("hex")}`).toBe(made.written.diffId);
    expect(readAll(tar).map((r) => r.entry.path)).toEqual(items.map(([e]) => e.path));
  });

  test("has the same bytes each time", () => {
    expect(layer(system()).written).toEqual(layer(system()).written);
  });

  test("with a name that is no text has no table, and is read whole", () => {
    for (const odd of [
      entry("\xff\xfe"),
      entry("a", { kind: "symlink", target: "\xff" }),
      entry("a", { mtime: 3e11 }),
    ]) {
      const made = layer([[entry("first"), Buffer.from("1")], [odd], [entry("last"), Buffer.from("2")]]);
      expect(made.written.annotations).toBeUndefined();
      expect(readAll(Buffer.from(Bun.zstdDecompressSync(made.blob))).length).toBe(3);
    }
  });
});
