/**
 * The file tree of an image: its layers laid one over the other.
 *
 * For each layer, first its whiteouts, which only speak of the layers below, then its entries, wherever they stand in the
 * tar. A folder over a folder keeps what is in it; anything else takes the place of what was there. A hard link shares
 * the content that its target has at that moment, from this layer or one below.
 * Source: the OCI image specification, layer.md.
 */

import { most } from "../oci/limits.ts";
import { type ByteString, type Entry, printable } from "./entry.ts";
import { type Name, Names } from "./names.ts";
import type { NodeKind } from "./nodes.ts";
import { inTurns } from "./turns.ts";

export type { Name };

/** A layer that cannot be laid over the others. */
export class TreeError extends Error {
  constructor(
    readonly what: string,
    readonly offset: number,
    /** It is more than this run reads, not necessarily broken. */
    readonly isOverLimit = false,
  ) {
    super(`${what} at byte ${offset}`);
  }
}

/** As the kernel counts, path_resolution(7). */
const mostLinks = 40;
const mark = ".wh.";
const opaque = ".wh..wh..opq";

function split(path: ByteString): { parent: ByteString; name: ByteString } {
  const slash = path.lastIndexOf("/");
  return { parent: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

export class Tree extends Names {
  /** How many names `lookup` went through, for callers with a limit. */
  steps = 0;
  private readonly mostNames = most("entries");

  find(path: ByteString): Name {
    let name = this.root;
    if (path !== "") for (const part of path.split("/")) name = name && this.child(name, part);
    return name;
  }

  /**
   * What a path leads to when links of folders are followed: as package databases mean paths.
   * @param path without a slash at either end. @param last whether a link that it ends in is followed too.
   */
  lookup(path: ByteString, last = false): Name {
    return this.follow(this.root, path, last, { links: 0 });
  }

  /** @param way how many links were followed on the whole way, as Linux counts; without that, 40 links could make 2⁴⁰ steps. */
  private follow(from: Name, path: ByteString, last: boolean, way: { links: number }): Name {
    let name = from;
    for (let start = 0; start <= path.length; ) {
      const slash = path.indexOf("/", start);
      const end = slash < 0 ? path.length : slash;
      const text = path.slice(start, end);
      start = end + 1;
      this.steps++;
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
        name = ++way.links > mostLinks ? 0 : this.follow(target.startsWith("/") ? this.root : name, target, true, way);
        if (!name) return 0;
      }
    }
    return name;
  }

  /**
   * The folder that a layer means by a path. It is made where it is not there, and a file or a link of a lower layer makes way for it.
   * A link of the same layer is followed: podman unpacks each layer into a folder of its own, where it finds that link.
   * @throws TreeError for a link that leads to no folder
   */
  private folder(path: ByteString, tar: number, at: number): Name {
    const way = { links: 0 };
    let name = this.root;
    if (path !== "")
      for (const part of path.split("/")) {
        const next = this.child(name, part);
        const node = this.node(next);
        const target = node && this.nodes.tar(node) === tar ? this.nodes.target(node) : undefined;
        if (target === undefined) name = next && this.isFolder(next) ? next : this.put(name, part, this.folderNode());
        else {
          name =
            ++way.links > mostLinks ? 0 : this.follow(target.startsWith("/") ? this.root : name, target, true, way);
          if (!name || !this.isFolder(name))
            throw new TreeError(
              `${printable(path)}: the link ${printable(part)} in it leads to no folder (${printable(target)})`,
              at,
            );
        }
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
  async apply(entries: Iterable<Entry>, tar: number): Promise<void> {
    await inTurns(entries, ({ path }) => this.whiteout(path));
    await inTurns(entries, (entry) => {
      this.add(entry, tar);
      const over = this.names > this.mostNames ? `more than ${this.mostNames} names` : this.nodes.overLimit();
      if (over) throw new TreeError(over, entry.at, true);
    });
  }

  private whiteout(path: ByteString): void {
    const { parent, name } = split(path);
    if (!name.startsWith(mark)) return;
    if (name === opaque) this.clear(this.find(parent));
    else if (!name.startsWith(`${mark}${mark}`)) {
      const hidden = name.slice(mark.length);
      this.remove(parent ? `${parent}/${hidden}` : hidden);
    }
  }

  private add(entry: Entry, tar: number): void {
    const { parent, name } = split(entry.path);
    if (name.startsWith(mark)) return;
    if (entry.path === "") {
      if (entry.kind === "dir") this.nodeOf.set(this.root, this.nodes.add(entry, "dir", tar));
      return;
    }
    const folder = this.folder(parent, tar, entry.at);
    const before = this.child(folder, name);
    if (entry.kind === "link") {
      const path = entry.target ?? "";
      const target = this.node(this.find(path) || this.lookup(path));
      if (!target || this.nodes.isFolder(target))
        throw new TreeError(
          `${printable(entry.path)}: a hard link to ${printable(path)}, which is not there`,
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
  *walk(): Generator<Name> {
    const ahead = [this.root];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      yield next;
      const children = this.children(next);
      while (children.length) ahead.push(children.pop() ?? this.root);
    }
  }
}
