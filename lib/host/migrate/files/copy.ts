import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { attributes, clone, makeNode, segments, setAttributes, setTimes, takeNoCow } from "./libc.ts";
import { above, look, names, raw, removeTree } from "./paths.ts";

/**
 * Mirrors parts of a tree beside it: owners, modes, times, extended attributes and with them ACLs, hard links, holes. Contents are
 * shared where the file system can. A file's time is set when all else of it is there, so a copy that was broken off is told from one
 * that is whole, and the next run goes on where this one stopped. The source is only read.
 */

/** Told how many bytes are dealt with; waited for, so that Ctrl-C is heard in the middle of a large file. */
export type Meter = (bytes: number) => Promise<void>;

export interface CopyOptions {
  meter: Meter;
  /** A path, relative to the source, that is left out: another file system is mounted there. */
  skip?: (path: string) => boolean;
  /** What could not be copied and is none: a socket of a program that no longer runs. */
  onSkip?: (path: string, why: string) => void;
}

const chunk = 4 * 1024 * 1024;

/** The bytes that something takes on the disk: what a meter counts. */
const room = (stat: BigIntStats) => Number(stat.blocks) * 512;

/** The same file as before: its time is set last. */
function isWhole(to: BigIntStats | undefined, from: BigIntStats): boolean {
  return (
    !!to?.isFile() &&
    to.size === from.size &&
    to.mtimeNs === from.mtimeNs &&
    to.mode === from.mode &&
    to.uid === from.uid &&
    to.gid === from.gid
  );
}

/** Owner, attributes, mode and times, in the order in which none undoes another. */
function dress(from: string, to: string, stat: BigIntStats): void {
  lchownSync(raw(to), Number(stat.uid), Number(stat.gid));
  if (!stat.isSymbolicLink()) chmodSync(raw(to), Number(stat.mode) & 0o7777);
  setAttributes(to, attributes(from));
  setTimes(to, stat.atimeNs, stat.mtimeNs);
}

/** @returns how many bytes were copied */
async function pour(from: number, to: number, size: number, meter: Meter): Promise<number> {
  let sum = 0;
  const buffer = Buffer.allocUnsafe(Math.min(chunk, Math.max(size, 1)));
  ftruncateSync(to, size);
  for (const [begin, end] of segments(from, size)) {
    for (let at = begin; at < end; ) {
      const got = readSync(from, buffer, 0, Math.min(buffer.length, end - at), at);
      if (got === 0) return sum;
      for (let put = 0; put < got; ) put += writeSync(to, buffer, put, got - put, at + put);
      at += got;
      sum += got;
      await meter(got);
    }
  }
  return sum;
}

export class Mirror {
  /** Files with several names: where the first of them went. */
  private readonly links = new Map<string, string>();

  constructor(
    private readonly from: string,
    private readonly to: string,
    private readonly options: CopyOptions,
  ) {}

  /** Mirrors a path, and the folders above it without what else is in them. */
  async item(path: string): Promise<void> {
    for (const folder of above(path)) this.folder(`${this.to}/${folder}`);
    await this.node(path);
    for (const folder of above(path).reverse()) {
      const stat = look(`${this.from}/${folder}`);
      if (stat) dress(`${this.from}/${folder}`, `${this.to}/${folder}`, stat);
    }
  }

  private folder(path: string): void {
    const there = look(path);
    if (there && !there.isDirectory()) removeTree(path);
    if (!there?.isDirectory()) mkdirSync(raw(path), { mode: 0o700 });
  }

  private async node(path: string): Promise<void> {
    const from = path ? `${this.from}/${path}` : this.from;
    const to = path ? `${this.to}/${path}` : this.to;
    const stat = look(from);
    if (!stat) return removeTree(to);
    if (this.options.skip?.(path)) return this.options.onSkip?.(path, "another file system is mounted there");
    if (stat.isDirectory()) return this.tree(path, from, to, stat);
    if (stat.isSocket()) {
      removeTree(to);
      return this.options.onSkip?.(path, "a socket: it is of a program that no longer runs");
    }
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? this.links.get(key) : undefined;
    if (first !== undefined) return this.name(first, to);
    if (stat.nlink > 1n) this.links.set(key, to);
    await this.leaf(from, to, stat);
  }

  private async tree(path: string, from: string, to: string, stat: BigIntStats): Promise<void> {
    this.folder(to);
    const wanted = names(from);
    const known = new Set(wanted);
    for (const name of names(to)) if (!known.has(name)) removeTree(`${to}/${name}`);
    for (const name of wanted) await this.node(path ? `${path}/${name}` : name);
    dress(from, to, stat);
    await this.options.meter(room(stat));
  }

  private name(first: string, to: string): void {
    const there = look(to);
    if (there && there.ino === look(first)?.ino) return;
    removeTree(to);
    linkSync(raw(first), raw(to));
  }

  private async leaf(from: string, to: string, stat: BigIntStats): Promise<void> {
    const there = look(to);
    if (stat.isFile() && isWhole(there, stat)) return this.options.meter(room(stat));
    if (there?.isDirectory()) removeTree(to);
    else if (there) unlinkSync(raw(to));
    if (stat.isSymbolicLink()) {
      symlinkSync(readlinkSync(raw(from), { encoding: "buffer" }) as unknown as string, raw(to));
    } else if (stat.isFile()) await this.file(from, to, stat);
    else makeNode(to, Number(stat.mode), stat.rdev);
    dress(from, to, stat);
  }

  private async file(from: string, to: string, stat: BigIntStats): Promise<void> {
    const { O_RDONLY, O_NOFOLLOW, O_RDWR, O_CREAT, O_EXCL } = constants;
    const source = openSync(raw(from), O_RDONLY | O_NOFOLLOW);
    const target = openSync(raw(to), O_RDWR | O_CREAT | O_EXCL, 0o600);
    try {
      takeNoCow(source, target);
      const cloned = stat.size > 0n && clone(source, target);
      const poured = cloned ? 0 : await pour(source, target, Number(stat.size), this.options.meter);
      await this.options.meter(Math.max(0, room(stat) - poured));
    } finally {
      closeSync(target);
      closeSync(source);
    }
  }
}

const silent: Meter = async () => undefined;

/** Copies one file, link or folder with all that it is. */
export async function copyTree(from: string, to: string): Promise<void> {
  await new Mirror(from, to, { meter: silent }).item("");
}
