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

import { attributes } from "../../layers/compare.ts";
import { Files } from "../../layers/content.ts";
import { type ByteString, byBytes, shown } from "../../layers/entry.ts";
import { Garbage } from "../../layers/garbage.ts";
import type { Name, Tree } from "../../layers/tree.ts";
import { inTurns, upTo } from "../../layers/turns.ts";
import { most, raise } from "../../oci/limits.ts";
import { dpkgOwners } from "../../packages/dpkg.ts";
import { daysOf } from "../../packages/intervals.ts";
import { mapOwners } from "../../packages/map.ts";
import { Claims, type Hints } from "../../packages/owner.ts";
import { pacmanOwners } from "../../packages/pacman.ts";
import type { Packages } from "../../packages/record.ts";
import { rpmOwners } from "../../packages/rpm.ts";
import { exit, Failure } from "../../system/errors.ts";
import { firstGuess } from "./change-rate.ts";
import { Leaves } from "./leaves.ts";
import { neighbour, soleOwners } from "./neighbours.ts";

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

export interface Divided {
  components: Component[];
  /** Everything but folders that hold something, in the order of the tree. */
  leaves: Leaves;
  /** What the package databases list. */
  packages: Packages;
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
/** What the strings made for one file are, about. */
const bytesAFile = 400;
/** So much of a content's hash is enough here, and what published plans say stays true. */
const describedDigits = 22;
const tagName = "user.component";

interface Group {
  name: string;
  interval: unknown;
  packages: unknown[];
  also?: unknown[];
}

function isGroup(value: unknown): value is Group {
  if (typeof value !== "object" || value === null) return false;
  const { name, packages, also = [] } = value as Partial<Record<keyof Group, unknown>>;
  return typeof name === "string" && Array.isArray(packages) && Array.isArray(also);
}

function groups(files: Files): Group[] {
  const value = files.json("usr/lib/slipway/groups.json") as { groups?: unknown } | null;
  return Array.isArray(value?.groups) ? value.groups.filter(isGroup) : [];
}

/** What the family's groups say of the components that their packages belong to; the most lively word wins. */
function addIntervals(found: Claims, files: Files): void {
  for (const group of groups(files)) {
    const interval = daysOf(group.interval);
    if (interval === undefined) continue;
    const named = [...group.packages, ...(group.also ?? [])].map((p) =>
      typeof p === "string" ? found.packages.get(p) : undefined,
    );
    for (const component of [...named, `tag/${group.name}`]) {
      if (component === undefined) continue;
      const hints = found.hints.get(component) ?? {};
      found.hints.set(component, { ...hints, interval: Math.min(interval, hints.interval ?? interval) });
    }
  }
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
function folderKeys(tree: Tree): (folder: Name) => string {
  const known = new Map<Name, string>();
  const { nodes } = tree;
  const key = (folder: Name): string => {
    const have = known.get(folder);
    if (have !== undefined) return have;
    const node = tree.node(folder);
    const above = folder === tree.root ? "" : key(tree.parent(folder));
    const text = `${above}\n${nodes.mode(node)} ${nodes.uid(node)} ${nodes.gid(node)} ${attributes(nodes, node)}`;
    const made = new Bun.CryptoHasher("sha256").update(text).digest("base64").slice(0, 16);
    known.set(folder, made);
    return made;
  };
  return key;
}

async function tagged(tree: Tree): Promise<void> {
  const { nodes } = tree;
  const garbage = new Garbage();
  await inTurns(tree.walk(), (name) => {
    garbage.add(bytesAFile);
    const tag = nodes.xattrs(tree.node(name))?.[tagName];
    if (tag !== undefined) nodes.own(tree.node(name), `tag/${shown(tag)}`);
  });
}

/** @throws Failure for databases that cannot be read, and for too many components */
export async function divide(tree: Tree, tars: string[], options: DivideOptions): Promise<Divided> {
  const files = new Files(tree, tars);
  const claims = new Claims(tree);
  await mapOwners(files, claims);
  if (options.tags) await tagged(tree);
  await pacmanOwners(files, claims);
  await dpkgOwners(files, claims);
  await rpmOwners(files, claims, options.work);
  if (!options.tags) await tagged(tree);
  addIntervals(claims, files);
  Bun.gc(true); // the databases are megabytes of text, and were copied line by line

  const leaves = new Leaves();
  const { nodes } = tree;
  const garbage = new Garbage();
  await inTurns(tree.walk(), (name) => {
    garbage.add(bytesAFile);
    const node = tree.node(name);
    if (name === tree.root || (nodes.isFolder(node) && !tree.isEmpty(name))) return;
    if (nodes.size(node) >= bigFile && !nodes.ownerId(node)) nodes.own(node, bigName(tree.path(name)));
    leaves.add(name);
  });
  const sole = await soleOwners(tree, leaves);
  await inTurns(upTo(leaves.count), (i) => {
    garbage.add(bytesAFile);
    const name = leaves.name(i);
    const node = tree.node(name);
    if (nodes.ownerId(node)) return;
    const owner = neighbour(tree, name, sole);
    if (owner) nodes.ownAs(node, owner);
    else nodes.own(node, restName(tree.path(name)));
  });
  const components = await assemble(leaves, tree, claims.hints, options.epoch);
  return { components, leaves, packages: claims.recorded() };
}

interface Growing {
  name: string;
  size: number;
  newest: number;
  hash: Bun.CryptoHasher;
}

/** Writes its component at every leaf. */
async function assemble(leaves: Leaves, tree: Tree, hints: Map<string, Hints>, epoch: number): Promise<Component[]> {
  const folderKey = folderKeys(tree);
  const { nodes } = tree;
  const owners = new Set<number>();
  await inTurns(upTo(leaves.count), (i) => void owners.add(nodes.ownerId(tree.node(leaves.name(i)))));
  if (owners.size > most("components"))
    throw new Failure(exit.failed, `the image has ${owners.size} components; the limit is ${most("components")}`, {
      next: raise,
    });
  const ids = new Map([...owners].map((id) => [nodes.ownerName(id), id]));
  const names = [...ids.keys()].sort(byBytes);
  const place = new Map(names.map((name, i) => [ids.get(name), i]));
  const growing = names.map((name): Growing => ({ name, size: 0, newest: 0, hash: new Bun.CryptoHasher("sha256") }));
  const first = new Map<number, ByteString>();
  const garbage = new Garbage();
  await inTurns(upTo(leaves.count), (i) => {
    garbage.add(bytesAFile);
    const name = leaves.name(i);
    const node = tree.node(name);
    const path = tree.path(name);
    const component = place.get(nodes.ownerId(node)) ?? 0;
    const it = growing[component];
    const link = nodes.isLinked(node) ? first.get(node) : undefined;
    if (nodes.isLinked(node) && link === undefined) first.set(node, path);
    leaves.setComponent(i, component);
    if (!it) return;
    it.size += link === undefined ? nodes.size(node) : 0;
    const time = nodes.mtime(node);
    if (nodes.kind(node) === "file" && time < epoch) it.newest = Math.max(it.newest, time);
    it.hash.update(`${folderKey(tree.parent(name))}${describe(path, tree, node, link, epoch)}\0`);
  });
  const built = growing.map((g) => {
    const said = hints.get(g.name) ?? {};
    return { ...said, ...(said.built === undefined && g.newest > 0 ? { built: g.newest } : {}) };
  });
  const newest = built.reduce((most, h) => Math.max(most, h.built ?? 0), 0);
  return growing.map((g, i) => ({
    name: g.name,
    size: g.size,
    digest: g.hash.digest("base64").slice(0, 11),
    guess: firstGuess(g.name, built[i] ?? {}, newest),
  }));
}

/** Everything of an entry that a layer shows. */
function describe(
  path: ByteString,
  { nodes }: Tree,
  node: number,
  link: ByteString | undefined,
  epoch: number,
): string {
  if (link !== undefined) return `${path}\0link\0${link}`;
  const kind = nodes.kind(node);
  const time = kind === "dir" ? epoch : Math.min(nodes.mtime(node), epoch);
  const what = nodes.hash(node)?.slice(0, describedDigits) ?? nodes.target(node) ?? nodes.device(node).join(":");
  const [mode, owner] = [nodes.mode(node), `${nodes.uid(node)} ${nodes.gid(node)}`];
  return `${path}\0${kind} ${mode} ${owner} ${time} ${nodes.size(node)}\0${what}\0${attributes(nodes, node)}`;
}
