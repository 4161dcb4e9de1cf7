/**
 * The file tree of an image: its layers laid one over the other.
 *
 * For each layer, first its whiteouts, which only speak of the layers below, then its entries, wherever they stand in the
 * tar. A folder over a folder keeps what is in it; anything else takes the place of what was there. A hard link shares
 * the content that its target has at that moment, from this layer or one below.
 * Source: the OCI image specification, layer.md.
 *
 * Names and what they stand for (nodes.ts) are numbers in tables. A name that is gone keeps its row, with no node, and gets
 * it back when something of that name comes again.
 */
import { columns, Lookup, mixed } from "./columns.ts";
import { type ByteString, byBytes, type Entry, shown } from "./entry.ts";
import { type NodeKind, Nodes } from "./nodes.ts";

/** A name in the tree; 0 is none. */
export type Name = number;

/** A layer that cannot be laid over the others. */
export class TreeError extends Error {
  constructor(
    readonly what: string,
    readonly offset: number,
  ) {
    super(`${what} at byte ${offset}`);
  }
}

/** As the kernel counts, path_resolution(7). */
const mostLinks = 40;
const mark = ".wh.";
const opaque = ".wh..wh..opq";
const implied: Entry = { path: "", kind: "dir", mode: 0o755, uid: 0, gid: 0, mtime: 0, size: 0, at: 0 };

function split(path: ByteString): { parent: ByteString; name: ByteString } {
  const slash = path.lastIndexOf("/");
  return { parent: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

export class Tree {
  readonly nodes = new Nodes();
  readonly root: Name = 1;
  /** Names that there are or were. */
  names = 1;
  private readonly texts = columns.u32();
  private readonly parents = columns.u32();
  private readonly nodeOf = columns.u32();
  private readonly firstChild = columns.u32();
  private readonly nextSibling = columns.u32();
  private readonly lookupTable = new Lookup((name) => mixed(this.parents.get(name), this.texts.get(name)));

  private asked = { folder: 0, path: "" };

  constructor() {
    this.nodeOf.set(this.root, this.folderNode());
  }

  private folderNode(): number {
    const node = this.nodes.add(implied, "dir", 0);
    this.nodes.imply(node);
    return node;
  }

  /** What a name stands for, as the number of its row in `nodes`; 0 where it is gone. */
  node(name: Name): number {
    return this.nodeOf.get(name);
  }

  parent(name: Name): Name {
    return this.parents.get(name);
  }

  isFolder(name: Name): boolean {
    const node = this.node(name);
    return node !== 0 && this.nodes.isFolder(node);
  }

  /** Without a slash at either end; the root's is "". */
  path(name: Name): ByteString {
    const above = this.parents.get(name);
    if (above === 0) return "";
    if (above === this.root) return this.nameOf(name);
    // A folder's things are mostly asked one after the other.
    if (this.asked.folder !== above) this.asked = { folder: above, path: this.path(above) };
    return `${this.asked.path}/${this.nameOf(name)}`;
  }

  /** The row of a name in a folder, whether it is there or was; 0 if there never was one. */
  private rowOf(parent: Name, text: number): Name {
    return this.lookupTable.find(
      mixed(parent, text),
      (row) => this.parents.get(row) === parent && this.texts.get(row) === text,
    );
  }

  private child(parent: Name, name: ByteString): Name {
    const text = this.nodes.texts.find(name);
    const row = text ? this.rowOf(parent, text) : 0;
    return row && this.node(row) ? row : 0;
  }

  private put(parent: Name, name: ByteString, node: number): Name {
    const text = this.nodes.texts.id(name);
    let row = this.rowOf(parent, text);
    if (!row) {
      row = ++this.names;
      this.texts.set(row, text);
      this.parents.set(row, parent);
      this.nextSibling.set(row, this.firstChild.get(parent));
      this.firstChild.set(parent, row);
      this.lookupTable.add(row);
    }
    this.nodeOf.set(row, node);
    return row;
  }

  private *rowsIn(folder: Name): Generator<Name> {
    for (let row = this.firstChild.get(folder); row; row = this.nextSibling.get(row)) if (this.node(row)) yield row;
  }

  /** What is in a folder, in the order of bytes. */
  children(folder: Name): Name[] {
    const named = [...this.rowsIn(folder)].map((row) => ({ row, text: this.nodes.texts.get(this.texts.get(row)) }));
    return named.sort((a, b) => byBytes(a.text, b.text)).map(({ row }) => row);
  }

  /** The last part of its path. */
  nameOf(name: Name): ByteString {
    return this.nodes.texts.get(this.texts.get(name));
  }

  isEmpty(folder: Name): boolean {
    return this.rowsIn(folder).next().done === true;
  }

  /** Takes everything out of a folder. */
  clear(folder: Name): void {
    for (const row of this.rowsIn(folder)) {
      this.clear(row);
      this.nodeOf.set(row, 0);
    }
  }

  find(path: ByteString): Name {
    if (path === "") return this.root;
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? this.root : this.find(path.slice(0, slash));
    return folder && this.child(folder, path.slice(slash + 1));
  }

  /**
   * What a path leads to when links of folders are followed, though not its own last name: as package databases mean paths.
   * @param path without a slash at either end.
   */
  lookup(path: ByteString): Name {
    return this.follow(this.root, path, false, 0);
  }

  private follow(from: Name, path: ByteString, last: boolean, depth: number): Name {
    let name = from;
    for (let start = 0; start <= path.length; ) {
      const slash = path.indexOf("/", start);
      const end = slash < 0 ? path.length : slash;
      const text = path.slice(start, end);
      start = end + 1;
      if (text === "" || text === ".") continue;
      if (text === "..") {
        name = this.parents.get(name) || this.root;
        continue;
      }
      const next = this.child(name, text);
      if (!next) return 0;
      const target = this.nodes.target(this.node(next));
      if (!target || (end === path.length && !last)) name = next;
      else {
        name = depth < mostLinks ? this.follow(target.startsWith("/") ? this.root : name, target, true, depth + 1) : 0;
        if (!name) return 0;
      }
    }
    return name;
  }

  /** The folder of that path, made where it is not there; in the way of it may stand a file of a lower layer. */
  private folder(path: ByteString): Name {
    let name = this.root;
    if (path !== "")
      for (const part of path.split("/")) {
        const next = this.child(name, part);
        name = next && this.isFolder(next) ? next : this.put(name, part, this.folderNode());
      }
    return name;
  }

  remove(path: ByteString): void {
    const name = this.find(path);
    if (!name || name === this.root) return;
    this.clear(name);
    this.nodeOf.set(name, 0);
  }

  /**
   * @param entries in the order of the layer's tar; they are gone through twice. @param tar the layer's number.
   * @throws TreeError
   */
  apply(entries: Iterable<Entry>, tar: number): void {
    for (const { path } of entries) {
      const { parent, name } = split(path);
      if (!name.startsWith(mark)) continue;
      if (name === opaque) this.clear(this.find(parent));
      else if (!name.startsWith(`${mark}${mark}`)) {
        const hidden = name.slice(mark.length);
        this.remove(parent ? `${parent}/${hidden}` : hidden);
      }
    }
    for (const entry of entries) this.add(entry, tar);
  }

  private add(entry: Entry, tar: number): void {
    const { parent, name } = split(entry.path);
    if (name.startsWith(mark)) return;
    if (entry.path === "") {
      if (entry.kind === "dir") this.nodeOf.set(this.root, this.nodes.add(entry, "dir", tar));
      return;
    }
    const folder = this.folder(parent);
    const before = this.child(folder, name);
    if (entry.kind === "link") {
      const target = this.node(this.find(entry.target ?? ""));
      if (!target || this.nodes.isFolder(target))
        throw new TreeError(
          `${shown(entry.path)}: a hard link to ${shown(entry.target ?? "")}, which is not there`,
          entry.at,
        );
      this.nodes.link(target);
      if (before) this.clear(before);
      this.put(folder, name, target);
      return;
    }
    const kind: NodeKind = entry.kind;
    if (before && kind !== "dir") this.clear(before);
    this.put(folder, name, this.nodes.add(entry, kind, tar));
  }

  /** Every name, parents first, siblings in the order of their bytes; the root first. */
  *walk(from: Name = this.root): Generator<Name> {
    yield from;
    for (const child of this.children(from)) yield* this.walk(child);
  }
}
