import { closeSync, openSync, readSync } from "node:fs";
import { type ByteString, byBytes } from "./entry.ts";
import type { Node, Tree } from "./tree.ts";

/** What is read here are databases and lists; a bigger file is not one. */
const most = 512 << 20;

/**
 * Databases are megabytes of text, which is cut into lines and paths; what is left of them is only seen to when memory gets
 * scarce, and other machines' memory is scarcer than this one's.
 */
const gcEvery = 3 << 20;

/** A file's content. For databases and lists, which fit into memory. */
export function contentOf(node: Node, tars: string[]): Buffer {
  if (node.kind !== "file" || node.size > most) return Buffer.alloc(0);
  const whole = Buffer.alloc(node.size);
  const fd = openSync(tars[node.tar] ?? "", "r");
  try {
    let from = node.at;
    for (const [at, length] of node.parts ?? [[0, node.size]]) {
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

  /** The file there, links of folders followed. */
  node(path: ByteString): Node | undefined {
    return this.tree.lookup(path);
  }

  bytes(path: ByteString): Buffer | undefined {
    const node = this.node(path);
    if (node?.kind !== "file") return undefined;
    this.read += node.size;
    if (this.read > gcEvery) {
      this.read = 0;
      Bun.gc(true);
    }
    return contentOf(node, this.tars);
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
    const node = this.tree.lookup(`${path}/.`);
    return [...(node?.children?.keys() ?? [])].sort(byBytes);
  }
}
