import { describe, expect, test } from "bun:test";
import type { Entry, Kind } from "../../lib/layers/entry.ts";
import { data, end, entry, extra, paxRecord, random, rawHeader, readAll, tarOf } from "../support/tars.ts";

const any = (next: (n: number) => number, length: number) =>
  Array.from({ length }, () => String.fromCharCode(1 + next(255)))
    .join("")
    .replaceAll(/[/.]/g, "_");

/** A tree with names, numbers and attributes of every kind, ordinary and not. */
function generated(seed: number): [Entry, string][] {
  const next = random(seed);
  const kinds: Kind[] = ["file", "file", "file", "dir", "symlink", "char", "block", "fifo", "link"];
  return Array.from({ length: 60 }, (_, i): [Entry, string] => {
    const kind = kinds[next(kinds.length)] ?? "file";
    const depth = 1 + next(5);
    const path = [...Array.from({ length: depth }, () => any(next, 1 + next(next(4) ? 20 : 120))), `e${i}`].join("/");
    const content = kind === "file" ? any(next, next(3) ? next(2000) : 0) : "";
    const more: Partial<Entry> = {
      kind,
      mode: next(0o10000),
      uid: next(3) ? next(70_000) : 3_000_000 + next(1000),
      gid: next(3) ? next(70_000) : 2 ** 31 + next(1000),
      mtime: next(4) ? next(2_000_000_000) : next(2) ? -next(100_000) : 2 ** 34 + next(1000),
      size: content.length,
    };
    if (kind === "symlink" || kind === "link")
      more.target = any(next, 1 + next(next(3) ? 50 : kind === "link" ? 254 : 300));
    if (kind === "char" || kind === "block") Object.assign(more, { major: next(4096), minor: next(200_000) });
    if (next(4) === 0) more.xattrs = { "security.capability": `${any(next, 20)}\0\x01`, "user.component": "ü=\n" };
    return [entry(path, more), content];
  });
}

describe("what is written is read", () => {
  test.each(Array.from({ length: 25 }, (_, i) => i))("a generated tree, in pieces of any size (%p)", (seed) => {
    const tree = generated(seed + 1);
    const next = random(seed + 100);
    const read = readAll(tarOf(tree), () => next(next(3) ? 700 : 5000));
    expect(read.length).toBe(tree.length);
    for (const [i, { entry: e, stored }] of read.entries()) {
      const [wanted, content] = tree[i] ?? [];
      const { at: _, ...rest } = e;
      const { at: __, ...expected } = wanted ?? entry("");
      expect(rest).toEqual(expected);
      expect(stored).toBe(content ?? "");
    }
  });

  test("the same entries give the same bytes, whatever the order of their attributes", () => {
    const a = entry("a", { xattrs: { "user.b": "1", "user.a": "2" } });
    const b = entry("a", { xattrs: { "user.a": "2", "user.b": "1" } });
    expect(tarOf([[a]]).equals(tarOf([[b]]))).toBe(true);
  });

  test("a path of 100 bytes needs no pax header, nor one that splits at a slash", () => {
    expect(tarOf([[entry("x".repeat(100))]]).length).toBe(512 + 1024);
    expect(tarOf([[entry(`${"a".repeat(150)}/${"b".repeat(100)}`)]]).length).toBe(512 + 1024);
    expect(tarOf([[entry("x".repeat(101))]]).length).toBe(3 * 512 + 1024);
  });
});

describe("what others write", () => {
  const only = (tar: Buffer) => readAll(tar)[0]?.entry;

  test("GNU long names and links", () => {
    const name = `${"d/".repeat(80)}file`;
    const tar = Buffer.concat([
      extra("L", `${name}\0`),
      extra("K", `${"t".repeat(200)}\0`),
      rawHeader([
        [0, name.slice(0, 100)],
        [156, "2"],
        [157, "ttt"],
        [257, "ustar  \0"],
      ]),
      end,
    ]);
    expect(only(tar)).toMatchObject({ path: name, target: "t".repeat(200), kind: "symlink" });
  });

  test("numbers in base 256: big, and before 1970", () => {
    const big = Buffer.alloc(8);
    big[0] = 0x80;
    big.writeUInt32BE(3_000_000_000, 4);
    const past = Buffer.alloc(12, 0xff);
    const tar = Buffer.concat([
      rawHeader([
        [0, "a"],
        [108, big],
        [136, past],
      ]),
      end,
    ]);
    expect(only(tar)).toMatchObject({ uid: 3_000_000_000, mtime: -1 });
  });

  test("pax: a global header holds for all, one's own wins; fractions of seconds are cut off downwards", () => {
    const tar = Buffer.concat([
      extra("g", paxRecord("uid", "7") + paxRecord("mtime", "5.9")),
      rawHeader([[0, "a"]]),
      extra("x", paxRecord("uid", "8") + paxRecord("mtime", "-0.5")),
      rawHeader([[0, "b"]]),
      rawHeader([[0, "c"]]),
      end,
    ]);
    const [a, b, c] = readAll(tar).map((r) => r.entry);
    expect([a?.uid, b?.uid, c?.uid]).toEqual([7, 8, 7]);
    expect([a?.mtime, b?.mtime]).toEqual([5, -1]);
  });

  test("attributes as libarchive writes them", () => {
    const value = Buffer.from([1, 0, 2]).toString("base64");
    const tar = Buffer.concat([
      extra("x", paxRecord("LIBARCHIVE.xattr.user.a%20b", value)),
      rawHeader([[0, "a"]]),
      end,
    ]);
    expect(only(tar)?.xattrs).toEqual({ "user.a b": "\x01\0\x02" });
  });

  test("names are cleaned, and none leads out", () => {
    expect(
      only(
        Buffer.concat([
          rawHeader([
            [0, "./a//b/"],
            [156, "5"],
          ]),
          end,
        ]),
      )?.path,
    ).toBe("a/b");
    expect(
      only(
        Buffer.concat([
          rawHeader([
            [0, "./"],
            [156, "5"],
          ]),
          end,
        ]),
      )?.path,
    ).toBe("");
    expect(only(Buffer.concat([rawHeader([[0, "..a/b..c"]]), end]))?.path).toBe("..a/b..c");
    expect(() => only(Buffer.concat([rawHeader([[0, "a/../../b"]]), end]))).toThrow("leads out of the image");
  });

  test("an old tar's folder is a file whose name ends in a slash", () => {
    expect(
      only(
        Buffer.concat([
          rawHeader([
            [0, "old/"],
            [156, "\0"],
            [257, "\0\0\0\0\0\0\0\0"],
          ]),
          end,
        ]),
      )?.kind,
    ).toBe("dir");
  });
});

describe("sparse files: 4 bytes at 1000, 3 at 5000, 6000 in all", () => {
  const octal = (n: number) => `${n.toString(8).padStart(11, "0")}\0`;
  const expected = {
    path: "s",
    kind: "file",
    size: 6000,
    parts: [
      [1000, 4],
      [5000, 3],
    ],
  };
  const stored = "AAAABBB";
  const size = (n: number): [number, string] => [124, octal(n)];

  const forms: Record<string, Buffer> = {
    "old GNU": Buffer.concat([
      rawHeader([
        [0, "s"],
        [156, "S"],
        size(7),
        [386, octal(1000)],
        [398, octal(4)],
        [410, octal(5000)],
        [422, octal(3)],
        [483, octal(6000)],
        [257, "ustar  \0"],
      ]),
      data(stored),
    ]),
    "pax 0.0": Buffer.concat([
      extra(
        "x",
        [
          ["GNU.sparse.size", "6000"],
          ["GNU.sparse.numblocks", "2"],
          ["GNU.sparse.offset", "1000"],
          ["GNU.sparse.numbytes", "4"],
          ["GNU.sparse.offset", "5000"],
          ["GNU.sparse.numbytes", "3"],
        ]
          .map(([k, v]) => paxRecord(k ?? "", v ?? ""))
          .join(""),
      ),
      rawHeader([[0, "s"], size(7)]),
      data(stored),
    ]),
    "pax 0.1": Buffer.concat([
      extra(
        "x",
        paxRecord("GNU.sparse.size", "6000") +
          paxRecord("GNU.sparse.name", "s") +
          paxRecord("GNU.sparse.map", "1000,4,5000,3"),
      ),
      rawHeader([[0, "GNUSparseFile.1/s"], size(7)]),
      data(stored),
    ]),
    "pax 1.0": Buffer.concat([
      extra(
        "x",
        paxRecord("GNU.sparse.major", "1") +
          paxRecord("GNU.sparse.minor", "0") +
          paxRecord("GNU.sparse.name", "s") +
          paxRecord("GNU.sparse.realsize", "6000"),
      ),
      rawHeader([[0, "GNUSparseFile.1/s"], size(512 + 7)]),
      data("2\n1000\n4\n5000\n3\n"),
      data(stored),
    ]),
  };
  for (const [name, tar] of Object.entries(forms))
    test(name, () => {
      const [first, second] = readAll(Buffer.concat([tar, rawHeader([[0, "next"]]), end]), () => 100);
      expect(first?.entry).toMatchObject(expected as object);
      expect(first?.stored).toBe(stored);
      expect(second?.entry.path).toBe("next");
    });

  test("more parts than one header holds", () => {
    const parts = Array.from({ length: 30 }, (_, i): [number, number] => [i * 100, 1]);
    const place = (from: number, some: [number, number][]): [number, string][] =>
      some.flatMap(([at, n], i): [number, string][] => [
        [from + i * 24, octal(at)],
        [from + i * 24 + 12, octal(n)],
      ]);
    const next = Buffer.alloc(512);
    const write = (block: Buffer, fields: [number, string][]) =>
      fields.forEach(([at, t]) => void block.write(t, at, "latin1"));
    write(next, place(0, parts.slice(4, 25)));
    next[504] = 1;
    const last = Buffer.alloc(512);
    write(last, place(0, parts.slice(25)));
    const head = rawHeader([
      [0, "s"],
      [156, "S"],
      size(30),
      ...place(386, parts.slice(0, 4)),
      [482, "\x01"],
      [483, octal(4000)],
      [257, "ustar  \0"],
    ]);
    const [read] = readAll(Buffer.concat([head, next, last, data("x".repeat(30)), end]));
    expect(read?.entry.parts).toEqual(parts);
    expect(read?.stored).toBe("x".repeat(30));
  });

  test("a map that does not fit its size is an error", () => {
    const tar = Buffer.concat([
      extra("x", paxRecord("GNU.sparse.size", "6000") + paxRecord("GNU.sparse.map", "1000,9")),
      rawHeader([[0, "s"], size(7)]),
      data(stored),
      end,
    ]);
    expect(() => readAll(tar)).toThrow("does not fit its size at byte");
  });
});

describe("broken archives say where", () => {
  const tar = tarOf([
    [entry("a"), "x".repeat(1000)],
    [entry("b"), "y"],
  ]);

  test("cut off in a content, in a header", () => {
    expect(() => readAll(tar.subarray(0, 700))).toThrow("the archive is cut off at byte 700");
    expect(() => readAll(tar.subarray(0, 1600))).toThrow("the archive is cut off at byte 1600");
  });
  test("a changed header", () => {
    const changed = Buffer.from(tar);
    changed[1536 + 5] = 65;
    expect(() => readAll(changed)).toThrow("wrong checksum at byte 1536");
  });
  test("garbage", () => {
    expect(() => readAll(Buffer.alloc(512, 0x41))).toThrow("at byte 0");
    expect(() => readAll(Buffer.concat([extra("x", "9999 path=a\n"), end]))).toThrow("a broken pax header");
  });
  test("no end mark is no error: some writers leave it out", () => {
    expect(readAll(tar.subarray(0, tar.length - 1024)).length).toBe(2);
  });
});
