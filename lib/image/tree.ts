/**
 * The file tree of an image: its layers laid one over the other.
 *
 * For each layer, first its whiteouts, which only speak of the layers below, then its entries, wherever they stand in the
 * tar. A folder over a folder keeps what is in it; anything else takes the place of what was there. A hard link shares
 * the content that its target has at that moment, from this layer or one below.
 * Source: the OCI image specification, layer.md.
 */
import { type ByteString, byBytes, type Entry, type Part, shown } from "./entry.ts";

/** What a name stands for. Two names with the same node are hard links of each other. */
export interface Node {
  kind: Exclude<Entry["kind"], "link">;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  size: number;
  /** Which layer's tar holds the content, and where. */
  tar: number;
  at: number;
  parts?: Part[] | undefined;
  hash?: string | undefined;
  target?: ByteString | undefined;
  major?: number | undefined;
  minor?: number | undefined;
  xattrs?: Record<string, ByteString> | undefined;
  /** Of a folder. */
  children?: Map<ByteString, Node> | undefined;
  /** A folder that no layer has an entry for. */
  implied?: boolean | undefined;
  /** It has or had more than one name. */
  linked?: boolean | undefined;
  /** Whose it is, for who divides the tree. */
  owner?: string | undefined;
}

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

function folder(): Node {
  const common = { mode: 0o755, uid: 0, gid: 0, mtime: 0, size: 0, tar: -1, at: 0 };
  return { kind: "dir", ...common, children: new Map(), implied: true };
}

/** The entry itself becomes the node: an image has hundreds of thousands, and a copy of each would count. */
function nodeOf(entry: Entry, tar: number): Node {
  const node = entry as Entry & Node;
  node.path = "";
  node.tar = tar;
  if (node.kind === "dir") node.children = new Map();
  return node;
}

function split(path: ByteString): { parent: ByteString; name: ByteString } {
  const slash = path.lastIndexOf("/");
  return { parent: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

export class Tree {
  readonly root: Node = folder();

  find(path: ByteString): Node | undefined {
    let node: Node | undefined = this.root;
    if (path === "") return node;
    for (const name of path.split("/")) {
      node = node?.children?.get(name);
      if (!node) return undefined;
    }
    return node;
  }

  /**
   * What a path leads to when links of folders are followed, though not its own last name: as package databases mean paths.
   * @param path without a slash at either end.
   */
  lookup(path: ByteString): Node | undefined {
    return this.follow(path.split("/"), false, 0)?.at(-1);
  }

  /** @returns the nodes on the way, the root first; undefined where it ends nowhere. */
  private follow(names: ByteString[], last: boolean, depth: number): Node[] | undefined {
    let way: Node[] = [this.root];
    for (const [i, name] of names.entries()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (way.length > 1) way.pop();
        continue;
      }
      const node: Node | undefined = way.at(-1)?.children?.get(name);
      if (!node) return undefined;
      if (node.kind !== "symlink" || !node.target || (i === names.length - 1 && !last)) way.push(node);
      else {
        if (depth === mostLinks) return undefined;
        const from: ByteString[] = node.target.startsWith("/") ? [] : names.slice(0, i);
        const to: Node[] | undefined = this.follow([...from, ...node.target.split("/")], true, depth + 1);
        if (!to) return undefined;
        way = to;
      }
    }
    return way;
  }

  /** The folder of that path, made where it is not there; in the way of it may stand a file of a lower layer. */
  private folder(path: ByteString): Map<ByteString, Node> {
    let node = this.root;
    if (path !== "")
      for (const name of path.split("/")) {
        let next: Node | undefined = node.children?.get(name);
        if (!next?.children) {
          next = folder();
          node.children?.set(name, next);
        }
        node = next;
      }
    return node.children ?? new Map();
  }

  remove(path: ByteString): void {
    const { parent, name } = split(path);
    this.find(parent)?.children?.delete(name);
  }

  /**
   * @param entries in the order of the layer's tar, and used up; @param tar the layer's number.
   * @throws TreeError
   */
  apply(entries: Entry[], tar: number): void {
    for (const { path } of entries) {
      const { parent, name } = split(path);
      if (!name.startsWith(mark)) continue;
      if (name === opaque) this.find(parent)?.children?.clear();
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
      const { children } = this.root;
      if (entry.kind === "dir") Object.assign(this.root, nodeOf(entry, tar), { children, implied: false });
      return;
    }
    const siblings = this.folder(parent);
    const before = siblings.get(name);
    if (entry.kind === "link") {
      const node = this.find(entry.target ?? "");
      if (!node || node.children)
        throw new TreeError(
          `${shown(entry.path)}: a hard link to ${shown(entry.target ?? "")}, which is not there`,
          entry.at,
        );
      node.linked = true;
      siblings.set(name, node);
      return;
    }
    const node = nodeOf(entry, tar);
    if (node.children && before?.children) node.children = before.children;
    siblings.set(name, node);
  }

  /** Every name, parents first, siblings in the order of their bytes. The root comes as "". */
  *walk(): Generator<[ByteString, Node]> {
    yield ["", this.root];
    yield* below("", this.root);
  }
}

function* below(path: ByteString, node: Node): Generator<[ByteString, Node]> {
  if (!node.children) return;
  for (const name of [...node.children.keys()].sort(byBytes)) {
    const child = node.children.get(name);
    if (!child) continue;
    const full = path ? `${path}/${name}` : name;
    yield [full, child];
    yield* below(full, child);
  }
}
