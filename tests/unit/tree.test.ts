import { expect, test } from "bun:test";
import { differences } from "../../lib/layers/compare.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import { Tree } from "../../lib/layers/tree.ts";
import { entry } from "../support/tars.ts";

const dir = (path: string, more: Partial<Entry> = {}) => entry(path, { kind: "dir", mode: 0o755, ...more });
const hash = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest("base64").slice(0, 43);
const file = (path: string, content = path) => entry(path, { hash: hash(content), size: 1 });
const link = (path: string, target: string) => entry(path, { kind: "link", target });
const symlink = (path: string, target: string) => entry(path, { kind: "symlink", target });

async function flatten(...layers: Entry[][]): Promise<Tree> {
  const tree = new Tree();
  for (const [i, layer] of layers.entries()) await tree.apply(layer, i);
  return tree;
}
const paths = (tree: Tree) => [...tree.walk()].map((name) => tree.path(name)).slice(1);
const nodeAt = (tree: Tree, path: string) => tree.node(tree.find(path));
const hashAt = (tree: Tree, path: string) => tree.nodes.hash(nodeAt(tree, path));

test("a later layer's file takes the place of an earlier one's", async () => {
  const tree = await flatten([dir("a"), file("a/x", "old")], [file("a/x", "new")]);
  expect(hashAt(tree, "a/x")).toBe(hash("new"));
  expect(tree.nodes.tar(nodeAt(tree, "a/x"))).toBe(1);
});

test("a folder over a folder keeps what is in it, and has the later one's mode", async () => {
  const tree = await flatten([dir("a"), file("a/x")], [dir("a", { mode: 0o700 })]);
  expect(paths(tree)).toEqual(["a", "a/x"]);
  expect(tree.nodes.mode(nodeAt(tree, "a"))).toBe(0o700);
});

test("a whiteout hides what lies below, wherever it stands in the layer, and not its own layer's", async () => {
  expect(paths(await flatten([file("a/x"), file("a/y")], [file("a/.wh.x")]))).toEqual(["a", "a/y"]);
  expect(paths(await flatten([dir("a"), file("a/b/x")], [file(".wh.a"), dir("a"), file("a/new")]))).toEqual([
    "a",
    "a/new",
  ]);
  expect(paths(await flatten([dir("a"), file("a/b/x")], [dir("a"), file("a/new"), file(".wh.a")]))).toEqual([
    "a",
    "a/new",
  ]);
  expect(paths(await flatten([file("x")], [file(".wh.gone")]))).toEqual(["x"]);
});

test("an opaque folder hides what is in it below, and keeps itself", async () => {
  const tree = await flatten([dir("a"), file("a/x"), file("a/b/y")], [dir("a"), file("a/z"), file("a/.wh..wh..opq")]);
  expect(paths(tree)).toEqual(["a", "a/z"]);
});

test("other marks of that kind are no files", async () => {
  expect(paths(await flatten([file("x")], [file(".wh..wh.plnk"), file("a/.wh..wh.aufs")]))).toEqual(["x"]);
});

test("kinds change: folder to file, file to folder, link to folder", async () => {
  expect(paths(await flatten([file("a/x")], [file("a")]))).toEqual(["a"]);
  expect(paths(await flatten([file("a")], [file("a/x")]))).toEqual(["a", "a/x"]);
  const tree = await flatten([dir("usr/lib"), symlink("lib", "usr/lib")], [file("lib/x")]);
  expect(tree.nodes.kind(nodeAt(tree, "lib"))).toBe("dir");
  expect(tree.find("usr/lib/x")).toBe(0);
});

test("what lies below a link of the same layer is where the link leads", async () => {
  const usr = [dir("usr"), dir("usr/lib"), file("usr/lib/libc")];
  for (const target of ["usr/lib", "/usr/lib", "./usr/../usr/lib"])
    expect(paths(await flatten([...usr, symlink("lib", target), file("lib/extra")]))).toEqual([
      ...["lib", "usr", "usr/lib", "usr/lib/extra", "usr/lib/libc"],
    ]);
  const chained = [symlink("lib64", "lib"), symlink("lib", "usr/lib"), file("lib64/a/b"), symlink("lib64/c", "libc")];
  expect(paths(await flatten([...usr, ...chained, link("lib64/d", "lib/libc")]))).toEqual([
    ...["lib", "lib64", "usr", "usr/lib", "usr/lib/a", "usr/lib/a/b", "usr/lib/c", "usr/lib/d", "usr/lib/libc"],
  ]);
  // over a folder of the layer below, which the link replaces
  expect(paths(await flatten([file("lib/old")], [...usr, symlink("lib", "usr/lib"), file("lib/new")]))).toEqual([
    ...["lib", "usr", "usr/lib", "usr/lib/libc", "usr/lib/new"],
  ]);
});

test("a link that leads to no folder has nothing below it", async () => {
  for (const [target, more] of [
    ["nowhere", []],
    ["file", [file("file")]],
    ["lib", []],
  ] as const)
    await expect(flatten([...more, symlink("lib", target), file("lib/x")])).rejects.toThrow(
      `lib: the link lib in it leads to no folder (${target}) at byte 0`,
    );
});

test("hard links share a file, also with one of a layer below", async () => {
  const tree = await flatten([file("a"), link("b", "a")], [link("c", "b")], [file("a", "new")]);
  expect(nodeAt(tree, "b")).toBe(nodeAt(tree, "c"));
  expect(hashAt(tree, "b")).toBe(hash("a"));
  expect(hashAt(tree, "a")).toBe(hash("new"));
});

test("a hard link to nothing is an error that names both", async () => {
  await expect(flatten([link("b", "a")])).rejects.toThrow("b: a hard link to a, which is not there");
  await expect(flatten([dir("a"), link("b", "a")])).rejects.toThrow("a hard link to a");
});

test("names are in the order of bytes, parents first", async () => {
  expect(paths(await flatten([file("a/b"), file("a-b"), file("B"), file("a/\xff"), file("a/z")]))).toEqual([
    "B",
    "a",
    "a/b",
    "a/z",
    "a/\xff",
    "a-b",
  ]);
});

test("a path through links leads to where the file is", async () => {
  const tree = await flatten([
    file("usr/lib/x"),
    symlink("lib", "usr/lib"),
    symlink("var/db", "../usr/lib"),
    symlink("loop", "loop"),
  ]);
  expect(tree.lookup("lib/x")).toBe(tree.find("usr/lib/x"));
  expect(tree.lookup("var/db/x")).toBe(tree.find("usr/lib/x"));
  expect(tree.lookup("var/db/.")).toBe(tree.find("usr/lib"));
  expect(tree.nodes.kind(tree.node(tree.lookup("lib")))).toBe("symlink");
  expect(tree.lookup("loop/x")).toBe(0);
  expect(tree.lookup("lib", true)).toBe(tree.find("usr/lib"));
  expect(tree.lookup("lib/y")).toBe(0);
});

test("links that lead to links are followed 40 times in all, not 40 times each", async () => {
  // each one goes twice through the one before: 2⁴⁰ ways
  const bomb = Array.from({ length: 40 }, (_, i) => symlink(`l${i + 1}`, `l${i}/l${i}`));
  const tree = await flatten([dir("l0"), symlink("l0/l0", "."), ...bomb]);
  expect(tree.lookup("l40/x")).toBe(0);
  expect(tree.steps).toBeLessThan(1000);
  const chain = await flatten([dir("c0"), ...Array.from({ length: 41 }, (_, i) => symlink(`c${i + 1}`, `c${i}`))]);
  expect([chain.lookup("c40/."), chain.lookup("c41/.")]).toEqual([chain.find("c0"), 0]);
});

test("a folder that is emptied comes back with what is put there again", async () => {
  const tree = await flatten([file("a/x"), file("a/y")], [file("a")], [file("a/y"), file("a/z")]);
  expect(paths(tree)).toEqual(["a", "a/y", "a/z"]);
});

test("differences are seen: content, owner, attributes, links, what is missing", async () => {
  const base = () => [file("a"), file("b"), link("c", "a")];
  const what = async (layer: Entry[]) =>
    differences(await flatten(base()), await flatten(layer)).map((d) => `${d.path}: ${d.what}`);
  expect(await what(base())).toEqual([]);
  expect((await what([file("a", "z"), file("b"), link("c", "a")]))[0]).toContain("content");
  expect(await what([file("a"), entry("b", { hash: hash("b"), size: 1, uid: 3 }), link("c", "a")])).toEqual([
    "b: owner 0 ≠ 3",
  ]);
  expect(await what([file("a"), file("b"), file("c", "a")])).toEqual(["c: not a hard link of the same file"]);
  expect(await what([file("a"), link("c", "a")])).toEqual(["b: only in the first"]);
  expect(
    (await what([file("a"), entry("b", { hash: hash("b"), size: 1, xattrs: { "user.x": "1" } }), link("c", "a")]))[0],
  ).toContain("attributes");
});
