/**
 * Whose file it is. Files that come and change together are one component:
 *
 * 1. a list that the build wrote down (BuildStream), 2. the package database, by source package: its binary packages are
 *    built and updated together, 3. the attribute `user.component`, 4. a big single file, 5. the component to which all else
 *    in its folder belongs (a cache beside a program's own files), 6. the rest, by place.
 * With `tags`, the attribute comes before the package database.
 *
 * A folder lies in every layer that has something below it, so only an empty one belongs to somebody.
 */

import { Files } from "../../image/content.ts";
import { type ByteString, byBytes, shown } from "../../image/entry.ts";
import type { Node, Tree } from "../../image/tree.ts";
import { firstGuess } from "./guess.ts";
import { days } from "./intervals.ts";
import { dpkgOwners } from "./owners/dpkg.ts";
import { mapOwners } from "./owners/map.ts";
import { Claims, type Hints } from "./owners/owner.ts";
import { pacmanOwners } from "./owners/pacman.ts";
import { rpmOwners } from "./owners/rpm.ts";

/** What the plan needs to know of a component. */
export interface Component {
  name: string;
  /** Bytes of its files. */
  size: number;
  /** Changes when anything of it does that a layer would show. */
  digest: string;
  /** How likely it changes from one release to the next, as far as can be told without a past. */
  guess: number;
}

export interface Leaf {
  path: ByteString;
  node: Node;
  /** Index into the components. */
  component: number;
}

export interface Divided {
  components: Component[];
  /** Everything but folders that hold something, in the order of the tree. */
  leaves: Leaf[];
}

export interface DivideOptions {
  /** `user.component` wins over packages. */
  tags: boolean;
  /** Times later than this are set back to it. */
  epoch: number;
  work: string;
}

/** A file of this size that nobody owns is a component of its own: an initramfs, a model, a disk. */
const bigFile = 4 << 20;
/** Each file costs a few strings that are garbage at once; a pause now and then is cheaper than their memory. */
const gcEvery = 50_000;
const tagName = "user.component";

interface Group {
  name: string;
  interval: string;
  packages: string[];
  also: string[];
}

function groups(files: Files): Group[] {
  const value = files.json("usr/lib/slipway/groups.json") as { groups?: unknown } | null;
  const isGroup = (g: unknown): g is Group => typeof g === "object" && g !== null && "interval" in g && "packages" in g;
  return Array.isArray(value?.groups) ? value.groups.filter(isGroup) : [];
}

/** What the family's groups say of the components that their packages belong to; the most lively word wins. */
function addIntervals(found: Claims, files: Files): void {
  for (const group of groups(files)) {
    const interval = days[group.interval];
    if (interval === undefined) continue;
    const named = [...group.packages, ...(group.also ?? [])].map((p) => found.packages.get(p));
    for (const component of [...named, `tag/${group.name}`]) {
      if (component === undefined) continue;
      const hints = found.hints.get(component) ?? {};
      found.hints.set(component, { ...hints, interval: Math.min(interval, hints.interval ?? interval) });
    }
  }
}

function parent(path: ByteString): ByteString {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** Folders that only one component has files in, by path. */
function soleOwners(leaves: Owned[]): Map<ByteString, string | null> {
  const sole = new Map<ByteString, string | null>();
  for (const { path, node } of leaves) {
    const { owner } = node;
    if (owner === undefined) continue;
    for (let folder = parent(path); folder !== ""; folder = parent(folder)) {
      const known = sole.get(folder);
      if (known === null) break;
      if (known === undefined) sole.set(folder, owner);
      else if (known !== owner) sole.set(folder, null);
    }
  }
  return sole;
}

/**
 * The nearest folder that is not empty decides; one that several share decides nothing, nor does one like /usr/share that is
 * everybody's, even if only one has something in it.
 */
function neighbour(path: ByteString, sole: Map<ByteString, string | null>): string | undefined {
  for (let folder = parent(path); folder.split("/").length > 2; folder = parent(folder)) {
    const owner = sole.get(folder);
    if (owner !== undefined) return owner ?? undefined;
  }
  return undefined;
}

/** The rest by the first two folders: what lies together is often written by the same program. */
function restName(path: ByteString): string {
  return `rest/${shown(path.split("/").slice(0, -1).slice(0, 2).join("/"))}`;
}

/** Without versions: the next kernel's initramfs has this one's past. */
function bigName(path: ByteString): string {
  return `file/${shown(path).replaceAll(/\d+(\.\d+)+[^/]*/g, "*")}`;
}

/** The mode, owner and attributes of the folders above, which lie in the same layer: their change changes it too. */
function folderKeys(tree: Tree): (folder: ByteString) => string {
  const known = new Map<ByteString, string>();
  const key = (folder: ByteString): string => {
    const have = known.get(folder);
    if (have !== undefined) return have;
    const node = tree.find(folder);
    const above = folder === "" ? "" : key(parent(folder));
    const text = `${above}\n${node?.mode} ${node?.uid} ${node?.gid} ${attributes(node)}`;
    const made = new Bun.CryptoHasher("sha256").update(text).digest("base64").slice(0, 16);
    known.set(folder, made);
    return made;
  };
  return key;
}

function attributes(node: Node | undefined): string {
  if (!node?.xattrs) return "";
  return JSON.stringify(Object.entries(node.xattrs).sort(([a], [b]) => byBytes(a, b)));
}

interface Owned {
  path: ByteString;
  node: Node;
}

function tagged(tree: Tree): void {
  for (const [, node] of tree.walk()) {
    const tag = node.xattrs?.[tagName];
    if (tag !== undefined) node.owner ??= `tag/${shown(tag)}`;
  }
}

export async function divide(tree: Tree, tars: string[], options: DivideOptions): Promise<Divided> {
  const files = new Files(tree, tars);
  const claims = new Claims(tree);
  mapOwners(files, claims);
  if (options.tags) tagged(tree);
  pacmanOwners(files, claims);
  dpkgOwners(files, claims);
  await rpmOwners(files, claims, options.work);
  if (!options.tags) tagged(tree);
  addIntervals(claims, files);
  Bun.gc(true); // the databases are megabytes of text, and were copied line by line

  const leaves: Owned[] = [];
  for (const [path, node] of tree.walk()) {
    if (path === "" || node.children?.size) continue;
    if (node.size >= bigFile) node.owner ??= bigName(path);
    leaves.push({ path, node });
  }
  const sole = soleOwners(leaves);
  for (const { path, node } of leaves) node.owner ??= neighbour(path, sole) ?? restName(path);
  return assemble(leaves, tree, claims.hints, options.epoch);
}

interface Growing {
  name: string;
  size: number;
  newest: number;
  hash: Bun.CryptoHasher;
}

function assemble(owned: Owned[], tree: Tree, hints: Map<string, Hints>, epoch: number): Divided {
  const folderKey = folderKeys(tree);
  const names = [...new Set(owned.map((l) => l.node.owner ?? ""))].sort(byBytes);
  const index = new Map(names.map((name, i) => [name, i]));
  const growing: Growing[] = names.map((name) => ({ name, size: 0, newest: 0, hash: new Bun.CryptoHasher("sha256") }));
  const first = new Map<Node, ByteString>();
  const leaves = owned.map((leaf, n): Leaf => {
    if (n % gcEvery === 0) Bun.gc(true);
    const { path, node } = leaf;
    const component = index.get(node.owner ?? "") ?? 0;
    const it = growing[component];
    const link = node.linked ? first.get(node) : undefined;
    if (node.linked && link === undefined) first.set(node, path);
    if (it) {
      it.size += link === undefined ? node.size : 0;
      if (node.kind === "file" && node.mtime < epoch) it.newest = Math.max(it.newest, node.mtime);
      it.hash.update(`${folderKey(parent(path))}${describe(path, node, link, epoch)}\0`);
    }
    return Object.assign(leaf, { component });
  });
  const built = growing.map((g) => {
    const said = hints.get(g.name) ?? {};
    return { ...said, ...(said.built === undefined && g.newest > 0 ? { built: g.newest } : {}) };
  });
  const newest = built.reduce((most, h) => Math.max(most, h.built ?? 0), 0);
  const components = growing.map(
    (g, i): Component => ({
      name: g.name,
      size: g.size,
      digest: g.hash.digest("base64").slice(0, 11),
      guess: firstGuess(g.name, built[i] ?? {}, newest),
    }),
  );
  return { components, leaves };
}

/** Everything of an entry that a layer shows. */
function describe(path: ByteString, node: Node, link: ByteString | undefined, epoch: number): string {
  if (link !== undefined) return `${path}\0link\0${link}`;
  const time = node.kind === "dir" ? epoch : Math.min(node.mtime, epoch);
  const what = node.hash ?? node.target ?? `${node.major ?? ""}:${node.minor ?? ""}`;
  return `${path}\0${node.kind} ${node.mode} ${node.uid} ${node.gid} ${time} ${node.size}\0${what}\0${attributes(node)}`;
}
