// reaches: lib/oci/ lib/layers/
// Layers that no build of ours makes, but somebody's does. podman unpacks each image, and what it finds there is what we must read.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { lstatSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Entry } from "../../lib/layers/entry.ts";
import { Failure } from "../../lib/system/errors.ts";
import { Place, treeOf, writeImage } from "../support/images.ts";
import { Project } from "../support/sandbox.ts";
import { entry, tarOf } from "../support/tars.ts";

setDefaultTimeout(120_000);

const project = new Project([]);
const place = new Place();
/** podman makes a name of the path, and takes small letters only. */
const images = join(tmpdir(), `strange-${process.pid}`);
afterAll(() => {
  project.remove();
  place.remove();
  rmSync(images, { recursive: true, force: true });
});

const dir = (path: string) => entry(path, { kind: "dir", mode: 0o755 });
const symlink = (path: string, target: string) => entry(path, { kind: "symlink", target, mode: 0o777 });
const link = (path: string, target: string) => entry(path, { kind: "link", target });
const file = (path: string) => entry(path);
const usr = [dir("usr"), dir("usr/lib"), file("usr/lib/libc")];

/** A name that comes twice in a layer is not among them: podman refuses such a layer. */
const cases: [string, Entry[][]][] = [
  ["a file below a link", [[...usr, symlink("lib", "usr/lib"), file("lib/extra")]]],
  ["below an absolute link", [[...usr, symlink("lib", "/usr/lib"), file("lib/extra")]]],
  ["below a link that climbs above the root", [[...usr, symlink("lib", "../../usr/lib"), file("lib/extra")]]],
  ["below links of links", [[...usr, symlink("l", "lib"), symlink("lib", "usr/lib"), file("l/extra")]]],
  ["below a link in a folder", [[...usr, dir("a"), symlink("a/lib", "../usr/lib"), file("a/lib/extra")]]],
  ["a folder below a link", [[...usr, symlink("lib", "usr/lib"), dir("lib/a"), file("lib/a/b")]]],
  ["folders that nobody made, below a link", [[...usr, symlink("lib", "usr/lib"), file("lib/a/b/c")]]],
  ["a link below a link", [[...usr, symlink("lib", "usr/lib"), symlink("lib/a", "libc")]]],
  ["a hard link below a link", [[...usr, symlink("lib", "usr/lib"), link("lib/a", "usr/lib/libc")]]],
  ["a hard link to a file below a link", [[...usr, symlink("lib", "usr/lib"), link("a", "lib/libc")]]],
  ["below a link of the layer below", [[...usr, symlink("lib", "usr/lib")], [file("lib/extra")]]],
  [
    "a link over a folder, and below it",
    [
      [dir("lib"), file("lib/old")],
      [...usr, symlink("lib", "usr/lib"), file("lib/new")],
    ],
  ],
  ["below a link that leads nowhere", [[...usr, symlink("lib", "nowhere"), file("lib/extra")]]],
  ["below a link that leads to itself", [[symlink("lib", "lib"), file("lib/extra")]]],
  ["below a link to a file", [[...usr, symlink("lib", "usr/lib/libc"), file("lib/extra")]]],
];

/** What a folder has in it: a line each, a link with its target. */
function listed(folder: string, path = ""): string[] {
  return readdirSync(join(folder, path)).flatMap((name) => {
    const below = path ? `${path}/${name}` : name;
    const stat = lstatSync(join(folder, below));
    if (stat.isSymbolicLink()) return [`${below} -> ${readlinkSync(join(folder, below))}`];
    return stat.isDirectory() ? [`${below}/`, ...listed(folder, below)] : [`${below} ${stat.nlink}`];
  });
}

/** What podman makes of an image; undefined where it refuses it. */
async function unpacked(folder: string): Promise<string[] | undefined> {
  const pulled = await project.podman("pull", "--quiet", `oci:${folder}`);
  if (pulled.code !== 0) {
    expect(pulled.stderr).not.toContain("invalid reference");
    return undefined;
  }
  const id = pulled.stdout.trim();
  const mounted = await project.podman("image", "mount", id);
  if (mounted.code !== 0) throw new Error(mounted.stderr);
  const found = listed(mounted.stdout.trim());
  await project.podman("image", "unmount", id);
  await project.podman("rmi", "--force", id);
  return found;
}

async function read(folder: string, work: string): Promise<string[] | undefined> {
  try {
    const tree = await treeOf(`oci:${folder}`, work);
    const names = [...tree.walk()].slice(1);
    const count = Map.groupBy(names, (name) => tree.node(name));
    return names.map((name) => {
      const node = tree.node(name);
      const path = tree.path(name);
      if (tree.isFolder(name)) return `${path}/`;
      const target = tree.nodes.target(node);
      return target === undefined ? `${path} ${count.get(node)?.length}` : `${path} -> ${target}`;
    });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

test.each(cases)("%s", async (name, layers) => {
  const folder = writeImage(
    join(images, name.replaceAll(/\W+/g, "-")),
    layers.map((layer) => tarOf(layer.map((one) => [one, one.kind === "file" ? one.path : ""]))),
  );
  const wanted = await unpacked(folder);
  const found = await read(folder, place.path("work"));
  expect(found?.sort()).toEqual(wanted?.sort());
});
