/**
 * The names of a file tree, as tables of numbers: what is in which folder, and which node each name has (nodes.ts). A removed
 * name keeps its row, without a node, and uses it again when the same name comes back.
 */
import { columns, Lookup, mixed } from "./columns.ts";
import { type ByteString, byBytes, type Entry } from "./entry.ts";
import { Nodes } from "./nodes.ts";

/** A name in the tree; 0 is none. */
export type Name = number;

const implied: Entry = { path: "", kind: "dir", mode: 0o755, uid: 0, gid: 0, mtime: 0, size: 0, at: 0 };

export class Names {
  readonly nodes = new Nodes();
  readonly root: Name = 1;
  /** All names, also removed ones. */
  names = 1;
  private readonly texts = columns.u32();
  protected readonly parents = columns.u32();
  protected readonly nodeOf = columns.u32();
  private readonly firstChild = columns.u32();
  private readonly nextSibling = columns.u32();
  /** Whether a name is in its folder's list of children, removed or not. */
  private readonly listed = columns.u8();
  private readonly lookupTable = new Lookup((name) => mixed(this.parents.get(name), this.texts.get(name)));

  private asked = { folder: 0, path: "" };

  constructor() {
    this.nodeOf.set(this.root, this.folderNode());
  }

  protected folderNode(): number {
    const node = this.nodes.add(implied, "dir", 0);
    this.nodes.imply(node);
    return node;
  }

  /** The node of a name, as the number of its row in `nodes`; 0 if the name was removed. */
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
    // Callers mostly ask for a folder's entries one after the other.
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

  protected child(parent: Name, name: ByteString): Name {
    const text = this.nodes.texts.find(name);
    const row = text ? this.rowOf(parent, text) : 0;
    return row && this.node(row) ? row : 0;
  }

  protected put(parent: Name, name: ByteString, node: number): Name {
    const text = this.nodes.texts.id(name);
    let row = this.rowOf(parent, text);
    if (!row) {
      row = ++this.names;
      this.texts.set(row, text);
      this.parents.set(row, parent);
      this.lookupTable.add(row);
    }
    if (!this.listed.get(row)) {
      this.listed.set(row, 1);
      this.nextSibling.set(row, this.firstChild.get(parent));
      this.firstChild.set(parent, row);
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

  /** Removes everything from a folder. Its list is empty then, so doing it again costs nothing. */
  clear(folder: Name): void {
    const folders = [folder];
    for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
      for (let row = this.firstChild.get(next); row; row = this.nextSibling.get(row)) {
        this.listed.set(row, 0);
        if (this.node(row)) folders.push(row);
        this.nodeOf.set(row, 0);
      }
      this.firstChild.set(next, 0);
    }
  }
}
