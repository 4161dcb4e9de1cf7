import type { ByteString } from "./entry.ts";
import { TarMistake } from "./tar-numbers.ts";

/** What headers before an entry say of it: a pax header's records, and the list that sparse files of form 0.0 repeat. */
export interface Pax {
  records: Map<string, ByteString>;
  sparse: ByteString[];
}

export function emptyPax(): Pax {
  return { records: new Map(), sparse: [] };
}

/** Records of the form `LENGTH NAME=VALUE\n`, the length being that of the whole record. @throws TarMistake */
export function readPax(text: ByteString, into: Pax): void {
  for (let at = 0; at < text.length && text[at] !== "\0"; ) {
    const space = text.indexOf(" ", at);
    const length = Number(text.slice(at, space));
    const equals = text.indexOf("=", space);
    const end = at + length;
    if (space < 0 || !(length > 0) || end > text.length || equals < 0 || equals >= end || text[end - 1] !== "\n")
      throw new TarMistake("a broken pax header");
    const name = text.slice(space + 1, equals);
    const value = text.slice(equals + 1, end - 1);
    if (name === "GNU.sparse.offset" || name === "GNU.sparse.numbytes") into.sparse.push(value);
    else into.records.set(name, value);
    at = end;
  }
}

const schily = "SCHILY.xattr.";
const libarchive = "LIBARCHIVE.xattr.";

/** Extended attributes: as bytes (star, GNU tar, Go), else as libarchive writes them, in base64. */
export function xattrsIn(globals: Pax, own: Pax): Record<string, ByteString> | undefined {
  const all = [...globals.records, ...own.records];
  const plain = all
    .filter(([name]) => name.startsWith(schily))
    .map(([name, value]) => [name.slice(schily.length), value]);
  if (plain.length) return Object.fromEntries(plain);
  const coded = all
    .filter(([name]) => name.startsWith(libarchive))
    .map(([name, value]) => [unquoted(name.slice(libarchive.length)), Buffer.from(value, "base64").toString("latin1")]);
  return coded.length ? Object.fromEntries(coded) : undefined;
}

function unquoted(name: string): string {
  return name.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
