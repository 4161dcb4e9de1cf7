/**
 * The headers of a deterministic tar: ustar where everything fits, a pax header with sorted records before what does
 * not. No names of users, no second times, no padding of the tape's kind: nothing that would differ between machines.
 */
import { type ByteString, byBytes, type Entry, type Kind, toBytes } from "./entry.ts";
import { octal } from "./tar-numbers.ts";

const block = 512;
const types: Record<Kind, string> = {
  file: "0",
  link: "1",
  symlink: "2",
  char: "3",
  block: "4",
  dir: "5",
  fifo: "6",
};

/** What follows a file's content up to the next header. */
export function padding(size: number): number {
  return (block - (size % block)) % block;
}

/** Two empty blocks end an archive. */
export const endMark = block * 2;

/** `LENGTH NAME=VALUE\n`, the length counting its own digits. */
function record(name: string, value: ByteString): ByteString {
  const rest = name.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${name}=${value}\n`;
}

/** Splits a long path at a slash for ustar's two fields; undefined where that cannot be. */
function split(path: ByteString): { name: ByteString; prefix: ByteString } | undefined {
  if (path.length <= 100) return { name: path, prefix: "" };
  const slash = path.indexOf("/", path.length - 101);
  if (slash < 1 || slash > 155 || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

function writeHeader(into: Buffer, at: number, fields: [offset: number, text: ByteString][]): void {
  into.fill(0, at, at + block);
  for (const [offset, text] of fields) into.write(text, at + offset, "latin1");
  into.write("ustar\x0000", at + 257, "latin1");
  into.fill(0x20, at + 148, at + 156);
  let sum = 0;
  for (let i = at; i < at + block; i++) sum += into[i] ?? 0;
  into.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
}

/** An entry's name as the archive has it: that of a folder ends in a slash. */
export function tarName({ kind, path }: Entry): ByteString {
  return kind === "dir" ? `${path || "."}/` : path;
}

/** The blocks before an entry's content. A sparse file is written out in full: layers have no holes. */
export function header(entry: Entry): Buffer {
  const records: [string, ByteString][] = [];
  const path = tarName(entry);
  const place = split(path);
  if (!place) records.push(["path", path]);
  const target = entry.target ?? "";
  if (target.length > 100) records.push(["linkpath", target]);
  const number = (name: string, value: number, length: number) => {
    const text = octal(value, length);
    if (text === undefined) records.push([name, String(value)]);
    return text ?? octal(0, length) ?? "";
  };
  const size = entry.kind === "file" ? entry.size : 0;
  const fields: [number, ByteString][] = [
    [0, place?.name ?? path.slice(0, 100)],
    [100, octal(entry.mode, 8) ?? ""],
    [108, number("uid", entry.uid, 8)],
    [116, number("gid", entry.gid, 8)],
    [124, number("size", size, 12)],
    [136, number("mtime", entry.mtime, 12)],
    [156, types[entry.kind]],
    [157, target.slice(0, 100)],
    [345, place?.prefix ?? ""],
  ];
  if (entry.kind === "char" || entry.kind === "block")
    fields.push([329, octal(entry.major ?? 0, 8) ?? ""], [337, octal(entry.minor ?? 0, 8) ?? ""]);
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) records.push([`SCHILY.xattr.${name}`, value]);
  if (records.length === 0) {
    const whole = Buffer.allocUnsafe(block);
    writeHeader(whole, 0, fields);
    return whole;
  }
  records.sort(([a], [b]) => byBytes(a, b));
  const pax = toBytes(records.map(([name, value]) => record(name, value)).join(""));
  const whole = Buffer.alloc(block + pax.length + padding(pax.length) + block);
  const own = `PaxHeaders/${(entry.path.split("/").at(-1) ?? "").slice(0, 80)}`;
  writeHeader(whole, 0, [
    [0, own],
    [100, "0000644"],
    [108, "0000000"],
    [116, "0000000"],
    [124, octal(pax.length, 12) ?? ""],
    [136, octal(0, 12) ?? ""],
    [156, "x"],
  ]);
  pax.copy(whole, block);
  writeHeader(whole, whole.length - block, fields);
  return whole;
}
