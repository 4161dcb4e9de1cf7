/** An entry's header and what was said before it, as an entry. Sources: POSIX ustar and pax, the GNU tar manual. */
import { type ByteString, type Entry, fromBytes, type Kind } from "./entry.ts";
import { readNumber, TarMistake } from "./tar-numbers.ts";
import { emptyPax, type Pax, xattrsIn } from "./tar-pax.ts";

/** What headers of headers have said so far: of all entries, and of the next one. */
export class Said {
  readonly globals = emptyPax();
  own: Pax = emptyPax();
  longName: ByteString | undefined;
  longLink: ByteString | undefined;

  text(name: string): ByteString | undefined {
    const value = this.own.records.get(name) ?? this.globals.records.get(name);
    return value === "" ? undefined : value;
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Math.floor(Number(value));
    if (!Number.isFinite(number)) throw new TarMistake(`a pax header whose ${name} is no number`);
    return number;
  }

  /** The next entry begins anew. */
  forget(): void {
    this.own = emptyPax();
    this.longName = undefined;
    this.longLink = undefined;
  }
}

export function field(head: Uint8Array, at: number, length: number, name: string): number {
  const value = readNumber(head, at, length);
  if (Number.isNaN(value)) throw new TarMistake(`a header whose ${name} is no number`);
  return value;
}

function text(head: Uint8Array, at: number, length: number): ByteString {
  return upToNul(fromBytes(head.subarray(at, at + length)));
}

export function upToNul(bytes: ByteString): ByteString {
  const nul = bytes.indexOf("\0");
  return nul < 0 ? bytes : bytes.slice(0, nul);
}

function headerName(head: Uint8Array): ByteString {
  const name = text(head, 0, 100);
  const isUstar = fromBytes(head.subarray(257, 263)) === "ustar\0";
  const prefix = isUstar ? text(head, 345, 155) : "";
  return prefix ? `${prefix}/${name}` : name;
}

/** Without `.` and slashes at its ends. */
function clean(name: ByteString): ByteString {
  if (name.includes("\0")) throw new TarMistake("a name with a NUL in it");
  if (!/(^|\/)(\.{0,2})(\/|$)/.test(name)) return name;
  const parts = name.split("/").filter((p) => p !== "" && p !== ".");
  if (parts.includes("..")) throw new TarMistake(`a path that leads out of the image: ${JSON.stringify(name)}`);
  return parts.join("/");
}

/**
 * @param type the header's own letter for the kind.
 * @param size as the header states it; what pax says wins.
 * @param at where its content will begin.
 * @returns the entry; its `size` is what the archive holds, which for a sparse file is not yet the file's.
 * @throws TarMistake
 */
export function readEntry(head: Uint8Array, said: Said, stated: Kind, type: string, size: number, at: number): Entry {
  const name = said.text("GNU.sparse.name") ?? said.text("path") ?? said.longName ?? headerName(head);
  // Before POSIX a folder was a file whose name ends in a slash.
  const kind = stated === "file" && type !== "S" && name.endsWith("/") ? "dir" : stated;
  const stored = kind === "file" ? (said.number("size") ?? size) : 0;
  if (stored < 0) throw new TarMistake("an entry of negative size");
  const entry: Entry = {
    path: clean(name),
    kind,
    mode: field(head, 100, 8, "mode") & 0o7777,
    uid: said.number("uid") ?? field(head, 108, 8, "owner"),
    gid: said.number("gid") ?? field(head, 116, 8, "group"),
    mtime: said.number("mtime") ?? field(head, 136, 12, "time"),
    size: stored,
    at,
  };
  if (kind === "symlink" || kind === "link") {
    const target = said.text("linkpath") ?? said.longLink ?? text(head, 157, 100);
    entry.target = kind === "link" ? clean(target) : target;
  }
  if (kind === "char" || kind === "block") {
    entry.major = field(head, 329, 8, "major number");
    entry.minor = field(head, 337, 8, "minor number");
  }
  const xattrs = xattrsIn(said.globals, said.own);
  if (xattrs) entry.xattrs = xattrs;
  return entry;
}
