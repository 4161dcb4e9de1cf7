import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Held } from "../../lib/host/below.ts";
import * as libc from "../../lib/host/libc.ts";
import { Comparison } from "../../lib/host/migrate/files/compare.ts";
import { copyTree, Mirror } from "../../lib/host/migrate/files/copy.ts";
import { raw, removeTree, shown } from "../../lib/host/migrate/files/paths.ts";

// A home mirrored beside itself, with all that files can be.

let folder: string;
let from: string;
let to: string;
const meter = async () => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-files-"));
  [from, to] = [join(folder, "from"), join(folder, "to")];
  mkdirSync(from);
  mkdirSync(to);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text: string) => {
  mkdirSync(join(from, path, ".."), { recursive: true });
  writeFileSync(join(from, path), text);
};

const { exchange } = libc;
/** What a path is, held while `use` works with it. */
function held<T>(path: string, use: (it: Held) => T): T {
  using folder = Held.ofRoot(join(path, ".."));
  using it = folder.hold(basename(path));
  if (!it) throw new Error(`no ${path}`);
  return use(it);
}
const attributes = (path: string) => held(path, ({ fd }) => libc.attributes(fd));
const setAttributes = (path: string, all: Map<string, Buffer>) => held(path, ({ fd }) => libc.setAttributes(fd, all));
const setTimes = (path: string, accessed: bigint, modified: bigint) =>
  held(path, ({ fd }) => libc.setTimes(fd, accessed, modified));
const makeNode = (path: string, mode: number, device: bigint) =>
  held(join(path, ".."), ({ fd }) => libc.makeNode(fd, basename(path), mode, device));

async function mirror(...items: string[]): Promise<void> {
  using source = Held.ofRoot(from);
  using target = Held.ofRoot(to);
  const one = new Mirror(source, target, { meter });
  for (const item of items) await one.item(item);
}

async function differences(...items: string[]): Promise<string[]> {
  using source = Held.ofRoot(from);
  using target = Held.ofRoot(to);
  const comparison = new Comparison(source, target, { meter });
  for (const item of items) await comparison.item(item);
  return comparison.differences.map(({ what }) => what);
}

/** An ACL as it is kept: one user, 4711, may read. Source: acl(5), linux/posix_acl_xattr.h. */
const acl = (() => {
  const entry = (tag: number, perm: number, id: number) => {
    const row = Buffer.alloc(8);
    row.writeUInt16LE(tag, 0);
    row.writeUInt16LE(perm, 2);
    row.writeUInt32LE(id, 4);
    return row;
  };
  const none = 0xffff_ffff;
  const version = Buffer.from([2, 0, 0, 0]);
  const rows = [entry(1, 6, none), entry(2, 4, 4711), entry(4, 4, none), entry(0x10, 4, none), entry(0x20, 0, none)];
  return Buffer.concat([version, ...rows]);
})();

describe("kept", () => {
  test("owners, modes and times to the nanosecond", async () => {
    write("a/b/file", "text");
    lchownSync(join(from, "a/b/file"), 1000, 524_289);
    chmodSync(join(from, "a/b/file"), 0o4751);
    chmodSync(join(from, "a/b"), 0o1730);
    symlinkSync("nowhere", join(from, "a/link"));
    lchownSync(join(from, "a/link"), 1000, 1000);
    for (const [i, path] of ["a/b/file", "a/link", "a/b", "a"].entries())
      setTimes(join(from, path), 1_000_000_001n, 1_234_567_890_123_456_789n + BigInt(i));
    await mirror("a");
    expect(await differences("a")).toEqual([]);
    const stat = lstatSync(join(to, "a/b/file"), { bigint: true });
    expect([stat.uid, stat.gid, stat.mode & 0o7777n]).toEqual([1000n, 524_289n, 0o4751n]);
    expect(stat.mtimeNs).toBe(1_234_567_890_123_456_789n);
    expect(lstatSync(join(to, "a"), { bigint: true }).mtimeNs).toBe(1_234_567_890_123_456_792n);
    expect(lstatSync(join(to, "a/link"), { bigint: true }).mtimeNs).toBe(1_234_567_890_123_456_790n);
  });

  test("times before 1970", async () => {
    write("old", "x");
    setTimes(join(from, "old"), 0n, -1_500_000_000n);
    await mirror("old");
    expect(lstatSync(join(to, "old"), { bigint: true }).mtimeNs).toBe(-1_500_000_000n);
  });

  test("extended attributes and ACLs, of folders too", async () => {
    write("d/file", "x");
    const user = new Map([
      ["user.empty", Buffer.alloc(0)],
      ["user.bytes", Buffer.from([0, 255, 10])],
      ["system.posix_acl_access", acl],
    ]);
    setAttributes(join(from, "d/file"), user);
    setAttributes(join(from, "d"), new Map([["system.posix_acl_default", acl]]));
    await mirror("d");
    expect(await differences("d")).toEqual([]);
    expect(attributes(join(to, "d/file"))).toEqual(attributes(join(from, "d/file")));
    expect(attributes(join(to, "d/file")).get("system.posix_acl_access")).toEqual(acl);
    expect([...attributes(join(to, "d")).keys()]).toEqual(["system.posix_acl_default"]);
  });

  test("hard links, also between items", async () => {
    write("one/a", "shared");
    mkdirSync(join(from, "two"));
    linkSync(join(from, "one/a"), join(from, "one/b"));
    linkSync(join(from, "one/a"), join(from, "two/c"));
    await mirror("one", "two");
    expect(await differences("one", "two")).toEqual([]);
    const inodes = ["one/a", "one/b", "two/c"].map((path) => statSync(join(to, path)).ino);
    expect(new Set(inodes).size).toBe(1);
    expect(statSync(join(to, "one/a")).nlink).toBe(3);
  });

  test("holes: a file of 1 GB that takes no room", async () => {
    const fd = openSync(join(from, "sparse"), "w");
    ftruncateSync(fd, 1_000_000_000);
    writeSync(fd, Buffer.from("in the middle"), 0, 13, 500_000_000);
    closeSync(fd);
    await mirror("sparse");
    expect(await differences("sparse")).toEqual([]);
    const { size, blocks } = statSync(join(to, "sparse"));
    expect(size).toBe(1_000_000_000);
    expect(blocks * 512).toBeLessThan(200_000);
    const text = await Bun.file(join(to, "sparse")).slice(500_000_000, 500_000_013).text();
    expect(text).toBe("in the middle");
  });

  test("names with spaces, newlines and bytes that are no text", async () => {
    const names = ["with space", "two\nlines", "\xff\xfe", "-rf", "ünï", "'\"$(x)"];
    for (const name of names) writeFileSync(raw(`${from}/${name}`), name);
    mkdirSync(raw(`${from}/dir\xff\n`));
    writeFileSync(raw(`${from}/dir\xff\n/in\xfe`), "in");
    await mirror(...names, "dir\xff\n");
    expect(await differences(...names, "dir\xff\n")).toEqual([]);
    for (const name of names) expect(readFileSync(raw(`${to}/${name}`), "utf8")).toBe(name);
    expect(readFileSync(raw(`${to}/dir\xff\n/in\xfe`), "utf8")).toBe("in");
    expect(shown("two\nlines")).toBe("two\\nlines");
  });

  test("pipes and devices, as containers have them; empty files and folders", async () => {
    mkdirSync(join(from, "d/empty"), { recursive: true });
    writeFileSync(join(from, "d/nothing"), "");
    makeNode(join(from, "d/pipe"), 0o010600, 0n);
    makeNode(join(from, "d/whiteout"), 0o020000, 0n);
    await mirror("d");
    expect(await differences("d")).toEqual([]);
    expect(lstatSync(join(to, "d/pipe")).isFIFO()).toBe(true);
    expect(lstatSync(join(to, "d/whiteout")).isCharacterDevice()).toBe(true);
  });

  test("the folders above an item, without what else is in them", async () => {
    write(".config/Code/x", "1");
    write(".config/other", "2");
    chmodSync(join(from, ".config"), 0o711);
    await mirror(".config/Code");
    expect(await differences(".config/Code")).toEqual([]);
    expect(lstatSync(join(to, ".config")).mode & 0o777).toBe(0o711);
    expect(() => lstatSync(join(to, ".config/other"))).toThrow();
  });

  test("a socket is left out and told, a skipped folder too", async () => {
    write("d/file", "x");
    write("d/mounted/file", "x");
    makeNode(join(from, "d/socket"), 0o140755, 0n);
    const told: string[] = [];
    const options = { meter, skip: (path: string) => path === "d/mounted", onSkip: (path: string) => told.push(path) };
    using source = Held.ofRoot(from);
    using target = Held.ofRoot(to);
    await new Mirror(source, target, options).item("d");
    expect(told.sort()).toEqual(["d/mounted", "d/socket"]);
    const comparison = new Comparison(source, target, options);
    await comparison.item("d");
    expect(comparison.differences).toEqual([]);
  });
});

describe("again", () => {
  test("what is whole is not copied again, what was broken off is", async () => {
    write("d/whole", "whole");
    write("d/half", "half of it");
    await mirror("d");
    const inode = lstatSync(join(to, "d/whole")).ino;
    writeFileSync(join(to, "d/half"), "half");
    await mirror("d");
    expect(await differences("d")).toEqual([]);
    expect(lstatSync(join(to, "d/whole")).ino).toBe(inode);
  });

  test("what the person changed, added and removed meanwhile", async () => {
    write("d/gone", "x");
    write("d/file", "before");
    write("d/tree/x", "x");
    await mirror("d");
    unlinkSync(join(from, "d/gone"));
    rmSync(join(from, "d/tree"), { recursive: true });
    writeFileSync(join(from, "d/tree"), "a file now");
    writeFileSync(join(from, "d/file"), "after!");
    mkdirSync(join(from, "d/new"));
    await mirror("d");
    expect(await differences("d")).toEqual([]);
    expect(readFileSync(join(to, "d/tree"), "utf8")).toBe("a file now");
  });

  test("an item that is no longer there leaves the mirror", async () => {
    write("d", "x");
    await mirror("d");
    unlinkSync(join(from, "d"));
    await mirror("d");
    expect(() => lstatSync(join(to, "d"))).toThrow();
  });

  test("the source is never written to", async () => {
    write("d/file", "x");
    chmodSync(join(from, "d/file"), 0o400);
    const before = lstatSync(join(from, "d/file"), { bigint: true });
    await mirror("d");
    await mirror("d");
    const after = lstatSync(join(from, "d/file"), { bigint: true });
    expect([after.mtimeNs, after.ctimeNs, after.mode]).toEqual([before.mtimeNs, before.ctimeNs, before.mode]);
  });
});

describe("differences are found", () => {
  const rows: [string, string, () => void][] = [
    [
      "contents of the same size and time",
      "other contents",
      () => {
        const { atime, mtime } = statSync(join(to, "d/file"));
        const stat = lstatSync(join(to, "d/file"), { bigint: true });
        writeFileSync(join(to, "d/file"), "TEXT");
        utimesSync(join(to, "d/file"), atime, mtime);
        setTimes(join(to, "d/file"), stat.atimeNs, stat.mtimeNs);
      },
    ],
    [
      "a byte where the source has a hole",
      "other contents",
      () => {
        const stat = lstatSync(join(to, "d/hole"), { bigint: true });
        const fd = openSync(join(to, "d/hole"), "r+");
        writeSync(fd, Buffer.from("x"), 0, 1, 900_000);
        closeSync(fd);
        setTimes(join(to, "d/hole"), stat.atimeNs, stat.mtimeNs);
      },
    ],
    ["a missing file", "missing", () => unlinkSync(join(to, "d/file"))],
    ["a file too much", "too much", () => writeFileSync(join(to, "d/more"), "")],
    ["another mode", "another mode", () => chmodSync(join(to, "d/file"), 0o600)],
    ["another owner", "another owner", () => lchownSync(join(to, "d/file"), 7, 7)],
    ["a folder's mode", "another mode", () => chmodSync(join(to, "d/sub"), 0o700)],
    [
      "another attribute",
      "other attributes",
      () => setAttributes(join(to, "d/file"), new Map([["user.x", Buffer.from("2")]])),
    ],
    [
      "another target",
      "another target",
      () => {
        unlinkSync(join(to, "d/link"));
        symlinkSync("elsewhere", join(to, "d/link"));
      },
    ],
    [
      "a link in place of a file",
      "another kind of file",
      () => {
        unlinkSync(join(to, "d/file"));
        symlinkSync("x", join(to, "d/file"));
      },
    ],
    [
      "a broken hard link",
      "another name",
      () => {
        const stat = lstatSync(join(to, "d/twin"), { bigint: true });
        unlinkSync(join(to, "d/twin"));
        writeFileSync(join(to, "d/twin"), "twin");
        setTimes(join(to, "d/twin"), stat.atimeNs, stat.mtimeNs);
      },
    ],
  ];

  test.each(rows)("%s", async (_, what, spoil) => {
    write("d/file", "text");
    write("d/sub/x", "x");
    write("d/first", "twin");
    linkSync(join(from, "d/first"), join(from, "d/twin"));
    symlinkSync("target", join(from, "d/link"));
    setAttributes(join(from, "d/file"), new Map([["user.x", Buffer.from("1")]]));
    const fd = openSync(join(from, "d/hole"), "w");
    ftruncateSync(fd, 1_000_000);
    closeSync(fd);
    await mirror("d");
    expect(await differences("d")).toEqual([]);
    spoil();
    expect((await differences("d")).join("\n")).toContain(what);
  });
});

test("two paths are exchanged in one step", () => {
  write("a/x", "a");
  write("b/y", "b");
  expect(exchange(join(from, "a"), join(from, "b"))).toBe(true);
  expect(readFileSync(join(from, "a/y"), "utf8")).toBe("b");
});

test("a tree is removed without following links", async () => {
  write("keep/file", "x");
  write("tree/file", "x");
  symlinkSync(join(from, "keep"), join(from, "tree/link"));
  await copyTree(join(from, "tree"), join(to, "tree"));
  removeTree(join(to, "tree"));
  removeTree(join(from, "tree"));
  expect(readFileSync(join(from, "keep/file"), "utf8")).toBe("x");
});
