/** An entry's header and what was said before it, as an entry. Sources: POSIX ustar and pax, the GNU tar manual. */
import { type ByteString, type Entry, fromBytes, type Kind, printable } from "./entry.ts";
import { decimal, readNumber, seconds, TarMistake } from "./tar-numbers.ts";
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

  /** @param read `decimal`, or another reader of numbers. @throws TarMistake */
  number(name: string, read = decimal): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = read(value);
    if (Number.isNaN(number)) throw new TarMistake(`a pax header with a bad ${name}: ${printable(value)}`);
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
  if (Number.isNaN(value)) throw new TarMistake(`a header with a ${name} that is not a number`);
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

/** As Linux has them, limits.h: bytes of a path with its closing NUL, and of each name in it. */
const [mostPath, mostName] = [4096, 255];

/**
 * Without `.` and slashes at its ends.
 * @throws TarMistake for a path that Linux cannot make, that leads out, that is a whiteout without a name, or that has a
 * whiteout as a folder: later readers of the layer would understand something else.
 */
function clean(name: ByteString): ByteString {
  if (name.length >= mostPath) throw new TarMistake(`a path of ${name.length} bytes; Linux takes ${mostPath - 1}`);
  if (name.includes("\0")) throw new TarMistake("a name with a NUL in it");
  const parts = name.split("/").filter((p) => p !== "" && p !== ".");
  if (parts.includes("..")) throw new TarMistake(`a path that leads out of the image: ${printable(name)}`);
  const long = parts.find((p) => p.length > mostName);
  if (long !== undefined) throw new TarMistake(`a name of ${long.length} bytes; Linux takes ${mostName}`);
  const mark = parts.findIndex((p) => p.startsWith(".wh."));
  if (mark >= 0 && (mark < parts.length - 1 || /^\.wh\.{1,3}$/.test(parts[mark] ?? "")))
    throw new TarMistake(`a whiteout that hides no name: ${printable(name)}`);
  return parts.join("/");
}

/** What a symlink says, which may lead anywhere; but it has to be something that Linux can store. */
function checkTarget(target: ByteString): ByteString {
  if (target === "" || target.includes("\0")) throw new TarMistake(`a link to ${printable(target)}: not a path`);
  if (target.length >= mostPath) throw new TarMistake(`a link to a path of ${target.length} bytes`);
  return target;
}

/** What Linux can store: a number from 0 on. */
function within(value: number, most: number, what: string): number {
  if (value < 0 || value > most) throw new TarMistake(`${what} ${value}; Linux takes 0 to ${most}`);
  return value;
}

/** 2³² − 1 means "nobody in particular" to chown(2). A device's numbers have 12 and 20 bits, makedev(3). */
const [mostOwner, mostMajor, mostMinor] = [2 ** 32 - 2, 2 ** 12 - 1, 2 ** 20 - 1];

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
  const entry: Entry = {
    path: clean(name),
    kind,
    mode: field(head, 100, 8, "mode") & 0o7777,
    uid: within(said.number("uid") ?? field(head, 108, 8, "owner"), mostOwner, "the owner"),
    gid: within(said.number("gid") ?? field(head, 116, 8, "group"), mostOwner, "the group"),
    mtime: said.number("mtime", seconds) ?? field(head, 136, 12, "time"),
    size: stored,
    at,
  };
  if (kind === "symlink" || kind === "link") {
    const target = said.text("linkpath") ?? said.longLink ?? text(head, 157, 100);
    entry.target = kind === "link" ? clean(target) : checkTarget(target);
  }
  if (kind === "char" || kind === "block") {
    entry.major = within(field(head, 329, 8, "major number"), mostMajor, "a device's major number");
    entry.minor = within(field(head, 337, 8, "minor number"), mostMinor, "a device's minor number");
  }
  const xattrs = xattrsIn(said.own);
  if (xattrs) entry.xattrs = xattrs;
  return entry;
}
