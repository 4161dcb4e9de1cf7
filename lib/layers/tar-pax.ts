import { type ByteString, printable } from "./entry.ts";
import { decimal, TarMistake } from "./tar-numbers.ts";

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
    const length = space < 0 ? Number.NaN : decimal(text.slice(at, space));
    const equals = text.indexOf("=", space);
    const end = at + length;
    if (!(length > 0) || end > text.length || equals < 0 || equals >= end || text[end - 1] !== "\n")
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

/** As Linux has them, xattr(7): bytes of a name and of a value. */
const [mostName, mostValue] = [255, 65_536];

/** @throws TarMistake for what Linux does not take, or a tar cannot say. */
function checked(name: ByteString, value: ByteString): [ByteString, ByteString] {
  if (name === "" || name.length > mostName || /[=\0]/.test(name))
    throw new TarMistake(`an attribute with the impossible name ${printable(name)}`);
  if (value.length > mostValue)
    throw new TarMistake(`the attribute ${printable(name)} of ${value.length} bytes; Linux takes ${mostValue}`);
  return [name, value];
}

function fromBase64(name: string, text: string): ByteString {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new TarMistake(`the attribute ${printable(name)} is not in base64`);
  return Buffer.from(text, "base64").toString("latin1");
}

/** Extended attributes: as bytes (star, GNU tar, Go), else as libarchive writes them, in base64. @throws TarMistake */
export function xattrsIn({ records }: Pax): Record<string, ByteString> | undefined {
  const all = [...records];
  const plain = all
    .filter(([name]) => name.startsWith(schily))
    .map(([name, value]) => checked(name.slice(schily.length), value));
  if (plain.length) return Object.fromEntries(plain);
  const coded = all
    .filter(([name]) => name.startsWith(libarchive))
    .map(([key, value]) => {
      const name = unprintable(key.slice(libarchive.length));
      return checked(name, fromBase64(name, value));
    });
  return coded.length ? Object.fromEntries(coded) : undefined;
}

/** Bytes of all headers for all entries together. They count for every entry; what writes them (git) needs 52. */
const mostGlobal = 4096;

/** A header for all entries that follow. @throws TarMistake if it says more than such headers usually do */
export function readGlobals(text: ByteString, into: Pax): void {
  readPax(text, into);
  let bytes = 0;
  for (const [name, value] of into.records) {
    bytes += name.length + value.length;
    if (name.startsWith(schily) || name.startsWith(libarchive)) throw new TarMistake("attributes for all entries");
  }
  if (bytes > mostGlobal || into.sparse.length) throw new TarMistake("a header for all entries that says too much");
}

function unprintable(name: string): string {
  return name.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
