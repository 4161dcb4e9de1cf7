import { type BigIntStats, closeSync, ftruncateSync, linkSync, readSync, symlinkSync, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import { Held } from "../../below.ts";
import { attributes, clone, makeNode, segments, setAttributes, setTimes, takeNoCow } from "../../libc.ts";

/**
 * Mirrors parts of a tree beside it: owners, modes, times, extended attributes and with them ACLs, hard links, holes. Contents are
 * shared where the file system can. A file's time is set when all else of it is there, so a copy that was broken off is told from one
 * that is whole, and the next run goes on where this one stopped. The source is only read, and its owner may change it meanwhile:
 * both trees are held by descriptors.
 */

/** Told how many bytes are done; waited for, so that Ctrl-C is heard in the middle of a large file. */
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
function dress(from: Held, to: Held): void {
  const { stat } = from;
  to.own(Number(stat.uid), Number(stat.gid));
  if (!stat.isSymbolicLink()) to.allow(Number(stat.mode) & 0o7777);
  setAttributes(to.fd, attributes(from.fd));
  setTimes(to.fd, stat.atimeNs, stat.mtimeNs);
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
    private readonly from: Held,
    private readonly to: Held,
    private readonly options: CopyOptions,
  ) {}

  /** Mirrors a path, and the folders above it without what else is in them. */
  item(path: string): Promise<void> {
    return this.descend(this.from, this.to, path.split("/"), "");
  }

  private async descend(from: Held, to: Held, [name = "", ...rest]: string[], above: string): Promise<void> {
    if (rest.length === 0) return this.node(from, name, to, `${above}${name}`);
    using source = from.hold(name);
    // No folder any more since the plan was made: what was in it is gone.
    if (!source?.stat.isDirectory()) return to.remove(name);
    using target = to.folder(name);
    await this.descend(source, target, rest, `${above}${name}/`);
    dress(source, target);
  }

  /** @param path relative to the mirror: what `to` gets */
  async node(from: Held, name: string, to: Held, path: string): Promise<void> {
    if (this.options.skip?.(path)) return this.options.onSkip?.(path, "another file system is mounted there");
    using source = from.hold(name);
    const own = basename(path);
    if (!source) return to.remove(own);
    const { stat } = source;
    if (stat.isDirectory()) return await this.tree(source, to, path);
    if (stat.isSocket()) {
      to.remove(own);
      return this.options.onSkip?.(path, "a socket: it is of a program that no longer runs");
    }
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? this.links.get(key) : undefined;
    if (first !== undefined) return this.name(first, to, own);
    if (stat.nlink > 1n) this.links.set(key, path);
    await this.leaf(source, to, own);
  }

  private async tree(source: Held, to: Held, path: string): Promise<void> {
    using target = to.folder(basename(path));
    const wanted = source.names();
    const known = new Set(wanted);
    for (const name of target.names()) if (!known.has(name)) target.remove(name);
    for (const name of wanted) await this.node(source, name, target, `${path}/${name}`);
    dress(source, target);
    await this.options.meter(room(source.stat));
  }

  /** One more name for a file of the mirror. */
  private name(first: string, to: Held, own: string): void {
    const [folder, name] = [dirname(first), basename(first)];
    using walked = folder === "." ? undefined : this.to.walk(folder);
    const there = walked ?? this.to;
    const inode = to.look(own)?.ino;
    if (inode !== undefined && inode === there.look(name)?.ino) return;
    to.remove(own);
    linkSync(there.at(name), to.at(own));
  }

  private async leaf(source: Held, to: Held, name: string): Promise<void> {
    const { stat } = source;
    if (stat.isFile() && isWhole(to.look(name), stat)) return this.options.meter(room(stat));
    to.remove(name);
    if (stat.isSymbolicLink()) symlinkSync(source.target() as unknown as string, to.at(name));
    else if (stat.isFile()) await this.file(source, to, name);
    else makeNode(to.fd, name, Number(stat.mode), stat.rdev);
    using made = to.hold(name);
    if (made) dress(source, made);
  }

  private async file(source: Held, to: Held, name: string): Promise<void> {
    const from = source.open();
    const target = to.create(name);
    const { stat } = source;
    try {
      takeNoCow(from, target);
      const cloned = stat.size > 0n && clone(from, target);
      const poured = cloned ? 0 : await pour(from, target, Number(stat.size), this.options.meter);
      await this.options.meter(Math.max(0, room(stat) - poured));
    } finally {
      closeSync(target);
      closeSync(from);
    }
  }
}

const silent: Meter = async () => undefined;

/** Copies one file, link or folder with all that it is, between folders that only root can change. */
export async function copyTree(from: string, to: string): Promise<void> {
  using source = Held.ofRoot(dirname(from));
  using target = Held.ofRoot(dirname(to));
  await new Mirror(source, target, { meter: silent }).node(source, basename(from), target, basename(to));
}
