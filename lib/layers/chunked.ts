/**
 * What makes a layer `zstd:chunked`: behind the compressed tar, in frames that a decoder of zstd skips, a table of contents (where
 * in the layer every file's frames begin and end, and what the file hashes to) and the tar without the files' contents, from
 * which a reader that fetched only the files that it lacks puts the very same tar together again. Annotations of the layer say
 * where both are. Source: github.com/containers/storage, docs/containers-storage-zstd-chunked.md, and pkg/chunked; tar-split as
 * in github.com/vbatts/tar-split, tar/storage.
 */
import { isUtf8 } from "node:buffer";
import { type ByteString, type Entry, toBytes } from "./entry.ts";
import { FrameFile } from "./frame-file.ts";
import { tarName } from "./tar-write.ts";

const names = "io.github.containers.zstd-chunked";
/** A table of contents as CRFS has it; there is no other type. */
const tableType = 1;
const magic = Buffer.from("GNUlInUx", "latin1");
/** Years that RFC 3339 can write. */
const [firstSecond, lastSecond] = [-62_135_596_800, 253_402_300_799];

const types: Record<Entry["kind"], string> = {
  file: "reg",
  link: "hardlink",
  symlink: "symlink",
  char: "char",
  block: "block",
  dir: "dir",
  fifo: "fifo",
};

/** The head of a frame that is skipped, for so many bytes. */
export function skipped(length: number): Buffer {
  const head = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  head.writeUInt32LE(length, 4);
  return head;
}

/** JSON has text only. @throws NotText */
function text(bytes: ByteString): string {
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes;
  const raw = toBytes(bytes);
  if (!isUtf8(raw)) throw new NotText();
  return raw.toString("utf8");
}

/** Something that a table of contents cannot say. */
class NotText extends Error {}

function time(seconds: number): string {
  if (!(seconds >= firstSecond && seconds <= lastSecond)) throw new NotText();
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** A file's content: its hash in base64, where its frames lie in the layer, and its CRC. */
export interface Content {
  from: number;
  to: number;
  crc: Buffer;
}

export class Chunked {
  private readonly table: FrameFile;
  private readonly split: FrameFile;
  private position = 0;
  private separator = '{"version":1,"entries":[';
  private isText = true;

  /** @param path of the layer; two more files lie beside it until the layer is whole. */
  constructor(path: string, level: number) {
    this.table = new FrameFile(`${path}.table`, level);
    this.split = new FrameFile(`${path}.split`, level);
  }

  /**
   * @param before the tar's bytes between the content before and this entry's own: padding, headers.
   * @param content of a file that is not empty.
   */
  add(entry: Entry, before: Uint8Array, content?: Content): void {
    if (!this.isText) return;
    try {
      const size = entry.kind === "file" ? entry.size : 0;
      const name = text(tarName(entry));
      const xattrs = Object.entries(entry.xattrs ?? {});
      const row = {
        type: types[entry.kind],
        name,
        linkName: entry.target === undefined ? undefined : text(entry.target),
        mode: entry.mode,
        size,
        uid: entry.uid,
        gid: entry.gid,
        modtime: time(entry.mtime),
        devMajor: entry.major,
        devMinor: entry.minor,
        ...(xattrs.length ? { xattrs: Object.fromEntries(xattrs.map(([key, v]) => [text(key), base64(v)])) } : {}),
        ...(content ? { digest: hexDigest(entry.hash), offset: content.from, endOffset: content.to } : {}),
      };
      this.table.add(this.separator + JSON.stringify(row));
      this.separator = ",";
      this.segment(before);
      this.line({ type: 1, name, size, payload: content?.crc.toString("base64") ?? null, position: this.position++ });
    } catch (error) {
      if (!(error instanceof NotText)) throw error;
      this.isText = false; // then it is a layer like others, read whole
    }
  }

  private segment(bytes: Uint8Array): void {
    this.line({ type: 2, payload: Buffer.from(bytes).toString("base64"), position: this.position++ });
  }

  private line(value: object): void {
    this.split.add(`${JSON.stringify(value)}\n`);
  }

  /**
   * Writes the frames that are skipped.
   * @param rest of the tar, behind the last content; @param offset how long the layer is by now.
   * @param write puts bytes at the layer's end.
   * @returns the annotations of the layer; none where a name is no text.
   */
  finish(rest: Uint8Array, offset: number, write: (bytes: Uint8Array) => void): Record<string, string> | undefined {
    if (!this.isText) return undefined;
    this.segment(rest);
    const split = this.split.finish();
    this.table.add(`${this.separator === "," ? "" : this.separator}],"tarSplitDigest":"${split.digest}"}`);
    const table = this.table.finish();
    const tableAt = offset + 8;
    write(skipped(table.packed));
    this.table.read(write);
    const splitAt = tableAt + table.packed + 8;
    write(skipped(split.packed));
    this.split.read(write);
    const footer = Buffer.alloc(64);
    const numbers = [tableAt, table.packed, table.plain, tableType, splitAt, split.packed, split.plain];
    for (const [i, number] of numbers.entries()) footer.writeBigUInt64LE(BigInt(number), i * 8);
    magic.copy(footer, 56);
    write(skipped(footer.length));
    write(footer);
    return {
      [`${names}.manifest-checksum`]: table.digest,
      [`${names}.manifest-position`]: `${tableAt}:${table.packed}:${table.plain}:${tableType}`,
      [`${names}.tarsplit-position`]: `${splitAt}:${split.packed}:${split.plain}`,
    };
  }

  close(): void {
    this.table.remove();
    this.split.remove();
  }
}

function base64(bytes: ByteString): string {
  return toBytes(bytes).toString("base64");
}

function hexDigest(hash: string | undefined): string {
  return `sha256:${Buffer.from(hash ?? "", "base64").toString("hex")}`;
}
