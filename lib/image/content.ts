import { closeSync, openSync, readSync } from "node:fs";
import type { ByteString } from "./entry.ts";
import type { Name, Tree } from "./tree.ts";

/** What is read here are databases and lists; a bigger file is not one. */
const most = 512 << 20;

/**
 * Databases are megabytes of text, which is cut into lines and paths; what is left of them is only seen to when memory gets
 * scarce, and other machines' memory is scarcer than this one's.
 */
const gcEvery = 1 << 20;

/** A file's content. For databases and lists, which fit into memory. */
export function contentOf({ nodes }: Tree, node: number, tars: string[]): Buffer {
  const size = nodes.size(node);
  if (nodes.kind(node) !== "file" || size > most) return Buffer.alloc(0);
  const whole = Buffer.alloc(size);
  const fd = openSync(tars[nodes.tar(node)] ?? "", "r");
  try {
    let from = nodes.at(node);
    for (const [at, length] of nodes.partsOf(node) ?? [[0, size]]) {
      for (let done = 0; done < length; ) {
        const n = readSync(fd, whole, at + done, length - done, from + done);
        if (n === 0) break;
        done += n;
      }
      from += length;
    }
  } finally {
    closeSync(fd);
  }
  return whole;
}

/** The image's files by path, for who reads its databases. */
export class Files {
  private read = 0;

  constructor(
    readonly tree: Tree,
    private readonly tars: string[],
  ) {}

  /** Whether there is a file, links of folders followed. */
  has(path: ByteString): boolean {
    return this.file(path) !== 0;
  }

  private file(path: ByteString): number {
    const node = this.tree.node(this.tree.lookup(path));
    return node && this.tree.nodes.kind(node) === "file" ? node : 0;
  }

  bytes(path: ByteString): Buffer | undefined {
    const node = this.file(path);
    if (!node) return undefined;
    this.read += this.tree.nodes.size(node);
    if (this.read > gcEvery) {
      this.read = 0;
      Bun.gc(true);
    }
    return contentOf(this.tree, node, this.tars);
  }

  /** Bytes as a ByteString: names in it compare with the tree's. */
  text(path: ByteString): ByteString | undefined {
    return this.bytes(path)?.toString("latin1");
  }

  json(path: ByteString): unknown {
    try {
      return JSON.parse(this.bytes(path)?.toString("utf8") ?? "null");
    } catch {
      return null; // a file of the image; whoever made it will hear of it elsewhere
    }
  }

  /** Sorted: what is read in another order gives another answer where two packages own a folder. */
  names(path: ByteString): ByteString[] {
    // a name after it, so that the path's own last name is followed too
    const folder: Name = this.tree.lookup(`${path}/.`);
    return folder ? this.tree.children(folder).map((name) => this.tree.nameOf(name)) : [];
  }
}
