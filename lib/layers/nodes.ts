/** What names stand for, as a table. Two names with the same number are hard links of each other. */

import { most } from "../oci/limits.ts";
import { columns, Texts } from "./columns.ts";
import type { ByteString, Entry, Part } from "./entry.ts";

export type NodeKind = Exclude<Entry["kind"], "link">;

const kinds: NodeKind[] = ["file", "dir", "symlink", "char", "block", "fifo"];
const isImplied = 1;
const isLinked = 2;
const hasHash = 4;
const hasDevice = 8;
/** 43 digits of base64 are 32 bytes. */
const hashBytes = 32;

export class Nodes {
  private count = 0;
  readonly texts = new Texts();
  private readonly kinds = columns.u8();
  private readonly flags = columns.u8();
  private readonly modes = columns.u16();
  private readonly uids = columns.f64();
  private readonly gids = columns.f64();
  private readonly mtimes = columns.f64();
  private readonly sizes = columns.f64();
  private readonly ats = columns.f64();
  private readonly tars = columns.u16();
  private readonly targets = columns.u32();
  private readonly attributes = columns.u32();
  private readonly ownerIds = columns.u32();
  private readonly hashes = Array.from({ length: hashBytes / 4 }, () => columns.u32());
  private countOfParts = 0;
  private readonly mostParts = most("parts");
  private readonly mostTexts = most("texts");
  private readonly parts = new Map<number, Part[]>();
  private readonly devices = new Map<number, [major: number | undefined, minor: number | undefined]>();
  private readonly owners = [""];
  private readonly idOfOwner = new Map<string, number>();
  private readonly bytes = Buffer.alloc(hashBytes);

  /** @param kind as the entry's; a hard link has no node of its own. */
  add(entry: Entry, kind: NodeKind, tar: number): number {
    const row = ++this.count;
    this.kinds.set(row, kinds.indexOf(kind));
    this.modes.set(row, entry.mode);
    this.uids.set(row, entry.uid);
    this.gids.set(row, entry.gid);
    this.mtimes.set(row, entry.mtime);
    this.sizes.set(row, entry.size);
    this.ats.set(row, entry.at);
    this.tars.set(row, tar);
    if (entry.target !== undefined) this.targets.set(row, this.texts.id(entry.target));
    if (entry.xattrs) this.attributes.set(row, this.texts.id(JSON.stringify(entry.xattrs)));
    if (entry.parts) {
      this.parts.set(row, entry.parts);
      this.countOfParts += entry.parts.length;
    }
    let flags = 0;
    if (entry.hash !== undefined) {
      flags |= hasHash;
      this.bytes.fill(0);
      this.bytes.write(entry.hash, "base64");
      for (const [i, column] of this.hashes.entries()) column.set(row, this.bytes.readUInt32LE(i * 4));
    }
    if (entry.major !== undefined || entry.minor !== undefined) {
      flags |= hasDevice;
      this.devices.set(row, [entry.major, entry.minor]);
    }
    this.flags.set(row, flags);
    return row;
  }

  /** The limit that is exceeded, other than the number of rows, in words. */
  overLimit(): string | undefined {
    if (this.countOfParts > this.mostParts) return `more than ${this.mostParts} pieces of sparse files`;
    return this.texts.bytes > this.mostTexts ? `more than ${this.mostTexts} bytes of names and attributes` : undefined;
  }

  kind(row: number): NodeKind {
    return kinds[this.kinds.get(row)] ?? "file";
  }

  isFolder(row: number): boolean {
    return kinds[this.kinds.get(row)] === "dir";
  }

  mode(row: number): number {
    return this.modes.get(row);
  }

  uid(row: number): number {
    return this.uids.get(row);
  }

  gid(row: number): number {
    return this.gids.get(row);
  }

  mtime(row: number): number {
    return this.mtimes.get(row);
  }

  size(row: number): number {
    return this.sizes.get(row);
  }

  at(row: number): number {
    return this.ats.get(row);
  }

  tar(row: number): number {
    return this.tars.get(row);
  }

  partsOf(row: number): Part[] | undefined {
    return this.parts.get(row);
  }

  target(row: number): ByteString | undefined {
    return this.kind(row) === "symlink" ? this.texts.get(this.targets.get(row)) : undefined;
  }

  /** Attributes as the JSON that they came in, which is enough to tell them apart; "" for none. */
  attributesText(row: number): string {
    return this.texts.get(this.attributes.get(row));
  }

  xattrs(row: number): Record<string, ByteString> | undefined {
    const text = this.attributesText(row);
    return text === "" ? undefined : JSON.parse(text);
  }

  device(row: number): [major: number | undefined, minor: number | undefined] {
    return (this.flags.get(row) & hasDevice && this.devices.get(row)) || [undefined, undefined];
  }

  hash(row: number): string | undefined {
    if (!(this.flags.get(row) & hasHash)) return undefined;
    for (const [i, column] of this.hashes.entries()) this.bytes.writeUInt32LE(column.get(row), i * 4);
    return this.bytes.toString("base64").slice(0, 43);
  }

  /** Whose it is, for who divides the tree: the number of a name; 0 for nobody's. */
  ownerId(row: number): number {
    return this.ownerIds.get(row);
  }

  ownerName(id: number): string {
    return this.owners[id] ?? "";
  }

  /** Only the first word counts. */
  own(row: number, owner: string): void {
    let id = this.idOfOwner.get(owner);
    if (id === undefined) {
      id = this.owners.push(owner) - 1;
      this.idOfOwner.set(owner, id);
    }
    this.ownAs(row, id);
  }

  ownAs(row: number, id: number): void {
    if (this.ownerIds.get(row) === 0) this.ownerIds.set(row, id);
  }

  isImplied(row: number): boolean {
    return (this.flags.get(row) & isImplied) !== 0;
  }

  imply(row: number): void {
    this.flags.set(row, this.flags.get(row) | isImplied);
  }

  isLinked(row: number): boolean {
    return (this.flags.get(row) & isLinked) !== 0;
  }

  link(row: number): void {
    this.flags.set(row, this.flags.get(row) | isLinked);
  }
}
