/**
 * Reads a tar as it streams by. Every form that layers come in: ustar, pax (long names, big numbers, attributes), GNU
 * (long names as `L` and `K` entries, base-256 numbers), and sparse files in their four forms (old GNU, pax 0.0, 0.1, 1.0).
 * The libraries that were looked at leave out sparse files, or decode attribute values as text, which breaks capabilities.
 * Sources: POSIX pax; the GNU tar manual; how Go's archive/tar reads, because podman reads layers with that.
 */
import { type ByteString, type Entry, fromBytes, type Kind } from "./entry.ts";
import { field, readEntry, Said, upToNul } from "./tar-entry.ts";
import { decimal, sumFits, TarMistake } from "./tar-numbers.ts";
import { readGlobals, readPax } from "./tar-pax.ts";
import { checkMap, growMap, oldParts, type Pending, pairs, partsOfMap } from "./tar-sparse.ts";

/** A tar that cannot be read; `offset` counts bytes of the tar, decompressed. */
export class TarError extends Error {
  constructor(
    readonly what: string,
    readonly offset: number,
    /** It is more than this run reads, not necessarily broken. */
    readonly isOverLimit = false,
  ) {
    super(`${what} at byte ${offset}`);
  }
}

const block = 512;
/** As much as Go's archive/tar, and so podman, reads of a header before an entry, or of a sparse file's map. */
const mostMeta = 1 << 20;

const kinds: Record<string, Kind> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "dir",
  "6": "fifo",
};

type Meta = "pax" | "global" | "longname" | "longlink";
const metas: Record<string, Meta> = { x: "pax", g: "global", L: "longname", K: "longlink" };

type State =
  | { in: "header" }
  | { in: "meta"; what: Meta }
  | { in: "old-map"; header: Pending }
  | { in: "map"; header: Pending }
  | { in: "data" }
  | { in: "skip" }
  | { in: "end" };

export class TarReader {
  private state: State = { in: "header" };
  private readonly head = Buffer.alloc(block);
  private have = 0;
  /** Bytes left of what the state is in, padding not counted. */
  private left = 0;
  private pad = 0;
  private offset = 0;
  private meta: Uint8Array[] = [];
  private readonly said = new Said();
  private zeros = 0;
  private current: Entry | undefined;

  /**
   * @param begin told each entry before its content.
   * @param content told a file's bytes as they are stored; the pieces are only good during the call.
   * @param end told when an entry's content is complete.
   */
  constructor(
    private readonly begin: (entry: Entry) => void,
    private readonly content: (bytes: Uint8Array, entry: Entry) => void,
    private readonly end: (entry: Entry) => void,
  ) {}

  /** @throws TarError */
  push(chunk: Uint8Array): void {
    try {
      this.take(chunk);
    } catch (error) {
      if (error instanceof TarMistake) this.fail(error.message);
      throw error;
    }
  }

  private take(chunk: Uint8Array): void {
    let i = 0;
    while (i < chunk.length) {
      if (this.state.in === "end") {
        // What follows the end is padding of the tape's kind.
        this.offset += chunk.length - i;
        return;
      }
      if (this.state.in === "skip") {
        i += this.skip(chunk.length - i);
        continue;
      }
      switch (this.state.in) {
        case "header":
        case "old-map":
        case "map": {
          const n = Math.min(block - this.have, chunk.length - i);
          this.head.set(chunk.subarray(i, i + n), this.have);
          this.have += n;
          this.offset += n;
          i += n;
          if (this.have < block) break;
          this.have = 0;
          if (this.state.in === "header") this.header();
          else if (this.state.in === "old-map") this.oldMap(this.state.header, 0, 21, 504);
          else this.mapBlock(this.state.header);
          break;
        }
        case "meta":
        case "data": {
          const n = Math.min(this.left, chunk.length - i);
          const bytes = chunk.subarray(i, i + n);
          if (this.state.in === "meta") this.meta.push(Uint8Array.from(bytes));
          else if (this.current && n) this.content(bytes, this.current);
          this.left -= n;
          this.offset += n;
          i += n;
          if (this.left === 0) this.finish();
          break;
        }
      }
    }
  }

  /** Padding. @returns how many bytes it took. */
  private skip(most: number): number {
    const n = Math.min(this.pad, most);
    this.pad -= n;
    this.offset += n;
    if (this.pad === 0) this.state = { in: "header" };
    return n;
  }

  /** @throws TarError where the archive ends before its time. */
  close(): void {
    const between = this.state.in === "header" && this.have === 0;
    if (!between && this.state.in !== "end") throw new TarError("the archive is cut off", this.offset);
  }

  private fail(what: string): never {
    throw new TarError(what, Math.max(0, this.offset - block));
  }

  private header(): void {
    if (this.head.every((byte) => byte === 0)) {
      if (++this.zeros === 2) this.state = { in: "end" };
      return;
    }
    if (this.zeros) this.fail("an entry after the end mark");
    if (!sumFits(this.head)) this.fail("a header with a wrong checksum");
    const type = String.fromCharCode(this.head[156] ?? 0);
    const meta = metas[type];
    const size = field(this.head, 124, 12, "size");
    if (size < 0) this.fail("an entry of negative size");
    if (meta) {
      if (size > mostMeta) this.fail(`an extended header of ${size} bytes`);
      this.state = { in: "meta", what: meta };
      this.meta = [];
      this.contentFollows(size);
      return;
    }
    const kind = kinds[type];
    if (!kind) this.fail(`an entry of the unknown type ${JSON.stringify(type)}`);
    this.entry(kind, type, size);
  }

  private contentFollows(size: number): void {
    this.left = size;
    this.pad = (block - (size % block)) % block;
    if (size === 0) this.finish();
  }

  private finish(): void {
    if (this.state.in === "meta") this.readMeta(this.state.what, fromBytes(Buffer.concat(this.meta)));
    else if (this.current) {
      const entry = this.current;
      this.current = undefined;
      this.end(entry);
    }
    this.state = this.pad ? { in: "skip" } : { in: "header" };
  }

  private readMeta(what: Meta, text: ByteString): void {
    if (what === "longname") this.said.longName = upToNul(text);
    else if (what === "longlink") this.said.longLink = upToNul(text);
    else if (what === "pax") readPax(text, this.said.own);
    else readGlobals(text, this.said.globals);
  }

  private entry(kind: Kind, type: string, stated: number): void {
    const { said } = this;
    const entry = readEntry(this.head, said, kind, type, stated, this.offset);
    const pending: Pending = { entry, parts: [], stored: entry.size, map: "", lines: 0 };
    const version = `${said.text("GNU.sparse.major") ?? ""}.${said.text("GNU.sparse.minor") ?? ""}`;
    const real = said.number("GNU.sparse.realsize") ?? said.number("GNU.sparse.size");
    const list = said.text("GNU.sparse.map")?.split(",") ?? said.own.sparse;
    said.forget();
    if (type === "S") {
      entry.size = field(this.head, 483, 12, "real size");
      this.oldMap(pending, 386, 4, 482);
    } else if (entry.kind === "file" && version === "1.0" && real !== undefined) {
      entry.size = real;
      this.state = { in: "map", header: pending };
    } else if (entry.kind === "file" && real !== undefined && (list.length || version !== ".")) {
      entry.size = real;
      pending.parts = pairs(list.map(decimal));
      this.sparse(pending);
    } else this.start(entry, entry.size);
  }

  /** @param at where the block's places for parts begin; @param more where it says that another block follows. */
  private oldMap(pending: Pending, at: number, count: number, more: number): void {
    pending.parts.push(...oldParts(this.head, count, at));
    if (pending.parts.length * 16 > mostMeta) this.fail("a broken map of a sparse file");
    if (this.head[more]) this.state = { in: "old-map", header: pending };
    else this.sparse(pending);
  }

  private mapBlock(pending: Pending): void {
    pending.stored -= block;
    const isWhole = growMap(pending, fromBytes(this.head));
    if (pending.stored < 0 || pending.map.length > mostMeta) this.fail("a broken map of a sparse file");
    if (!isWhole) return;
    pending.parts = partsOfMap(pending.map);
    this.sparse(pending);
  }

  private sparse(pending: Pending): void {
    checkMap(pending);
    const { entry, parts, stored } = pending;
    entry.at = this.offset;
    entry.parts = parts.filter(([, length]) => length > 0);
    this.start(entry, stored);
  }

  private start(entry: Entry, stored: number): void {
    this.begin(entry);
    this.current = entry;
    this.state = { in: "data" };
    this.contentFollows(stored);
  }
}
