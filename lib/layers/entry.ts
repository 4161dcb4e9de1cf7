/**
 * Paths, link targets and attribute values are bytes on Linux, and not always text. They are kept as strings with one
 * character a byte: exact, half the memory of UTF-16, and sorted as bytes sort.
 */
export type ByteString = string;

export type Kind = "file" | "dir" | "symlink" | "link" | "char" | "block" | "fifo";

/** Where a file's bytes that are not zero stand in the file, and how many; in the archive they follow each other. */
export type Part = [at: number, length: number];

/** One entry of a layer. */
export interface Entry {
  /** Without a slash at either end; "" is the root. */
  path: ByteString;
  kind: Kind;
  mode: number;
  uid: number;
  gid: number;
  /** Whole seconds since 1970. */
  mtime: number;
  /** Bytes of a file, holes counted. */
  size: number;
  /** Where its content begins in the layer's tar. */
  at: number;
  /** Only of a sparse file. */
  parts?: Part[];
  /** The SHA-256 of a file's content, base64 without its filling. */
  hash?: string;
  /** What a symlink says, or the path that a hard link shares its content with. */
  target?: ByteString;
  major?: number;
  minor?: number;
  xattrs?: Record<string, ByteString>;
}

export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, "latin1");
}

export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** For the reader: bytes as the UTF-8 that they most likely are. */
export function shown(text: ByteString): string {
  return toBytes(text).toString("utf8");
}

/** For a message: what a terminal would obey escaped, and no longer than fits there. */
export function printable(text: ByteString): string {
  const whole = shown(text.slice(0, 4 * mostShown));
  const short = whole.length > mostShown ? `${whole.slice(0, mostShown)}…` : whole;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  return short.replaceAll(/[\0-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** Characters of a name in a message. */
const mostShown = 200;

/** Text of ours as bytes. */
export function byteString(text: string): ByteString {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The order of bytes, the same everywhere. */
export function byBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
