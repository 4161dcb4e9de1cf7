import { closeSync, readSync } from "node:fs";
import { most, raise } from "../oci/limits.ts";
import { exit, Failure } from "../system/errors.ts";
import { openRegular } from "../system/regular-file.ts";
import { type ByteString, printable } from "./entry.ts";
import type { Name, Tree } from "./tree.ts";

/**
 * Databases are megabytes of text, which is cut into lines and paths; what is left of them is only seen to when memory gets
 * scarce, and other machines' memory is scarcer than this one's.
 */
const gcEvery = 1 << 20;

/** A file's content. For databases and lists, which fit into memory. */
function contentOf({ nodes }: Tree, node: number, tars: string[]): Buffer {
  const size = nodes.size(node);
  const whole = Buffer.alloc(size);
  const { fd } = openRegular(tars[nodes.tar(node)] ?? "");
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
  private sinceGc = 0;
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

  /** The error for a file that is not what its name promises; it says where in the image the file is. */
  failure(path: ByteString, what: string, next = "build the image again; nothing was changed"): Failure {
    const { nodes } = this.tree;
    const node = this.file(path);
    const place = `layer ${nodes.tar(node) + 1}, byte ${nodes.at(node)}`;
    return new Failure(exit.failed, `${printable(path)} (${place}): ${what}`, { next });
  }

  /** @param limit how long it may be. @throws Failure for a longer one, and if all files together are too long */
  bytes(path: ByteString, limit: "list" | "database" = "list"): Buffer | undefined {
    const node = this.file(path);
    if (!node) return undefined;
    const size = this.tree.nodes.size(node);
    if (size > most(limit))
      throw this.failure(path, `${size} bytes; Slipway reads ${most(limit)} of such a file at most`, raise);
    this.read += size;
    if (this.read > most("lists"))
      throw this.failure(path, `with it, package databases have more than ${most("lists")} bytes`, raise);
    this.sinceGc += size;
    if (this.sinceGc > gcEvery) {
      this.sinceGc = 0;
      Bun.gc(true);
    }
    return contentOf(this.tree, node, this.tars);
  }

  /** Bytes as a ByteString: names in it compare with the tree's. */
  text(path: ByteString): ByteString | undefined {
    return this.bytes(path)?.toString("latin1");
  }

  /** Its lines, one after the other: as a list they would take many times the memory. */
  *lines(path: ByteString): Generator<ByteString> {
    const text = this.text(path);
    if (text !== undefined) yield* cut(text, "\n");
  }

  json(path: ByteString): unknown {
    try {
      return JSON.parse(this.bytes(path)?.toString("utf8") ?? "null");
    } catch (error) {
      if (error instanceof Failure) throw error;
      return null; // a file of the image; whoever made it will hear of it elsewhere
    }
  }

  /** Sorted: what is read in another order gives another answer where two packages own a folder. */
  names(path: ByteString): ByteString[] {
    const folder: Name = this.tree.lookup(path, true);
    return folder ? this.tree.children(folder).map((name) => this.tree.nameOf(name)) : [];
  }
}

/** The parts of a text, as `split` gives them, but one at a time. */
export function* cut(text: ByteString, mark: string): Generator<ByteString> {
  let from = 0;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, from)) {
    yield text.slice(from, at);
    from = at + mark.length;
  }
  yield text.slice(from);
}
