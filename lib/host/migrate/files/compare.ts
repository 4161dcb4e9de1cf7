import { type BigIntStats, closeSync, constants, openSync, readlinkSync, readSync } from "node:fs";
import type { Meter } from "./copy.ts";
import { attributes, forget, segments } from "./libc.ts";
import { above, look, names, raw, shown } from "./paths.ts";

/** What differs between a tree and its mirror: read anew from both, contents to the last byte, the mirror's from the disk. */

export interface Difference {
  /** Relative to both trees. */
  path: string;
  what: string;
}

export interface CompareOptions {
  meter: Meter;
  skip?: (path: string) => boolean;
}

const chunk = 4 * 1024 * 1024;

function kind(stat: BigIntStats): bigint {
  return stat.mode & BigInt(constants.S_IFMT);
}

async function sameStretch(a: number, b: number, from: number, to: number, meter: Meter): Promise<boolean> {
  const one = Buffer.allocUnsafe(Math.min(chunk, to - from));
  const other = Buffer.allocUnsafe(one.length);
  for (let at = from; at < to; ) {
    const length = Math.min(one.length, to - at);
    const got = readSync(a, one, 0, length, at);
    let have = 0;
    while (have < got) {
      const more = readSync(b, other, have, got - have, at + have);
      if (more === 0) return false;
      have += more;
    }
    if (got === 0 || !one.subarray(0, got).equals(other.subarray(0, got))) return false;
    at += got;
    await meter(got);
  }
  return true;
}

/** The same bytes: where either has data both are read, elsewhere both have holes. */
async function sameContents(from: string, to: string, size: number, meter: Meter): Promise<boolean> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  const a = openSync(raw(from), flags);
  const b = openSync(raw(to), flags);
  try {
    forget(b);
    const data = [...segments(a, size)];
    for (const [begin, end] of data) if (!(await sameStretch(a, b, begin, end, meter))) return false;
    const covered = JSON.stringify(data);
    for (const [begin, end] of segments(b, size)) {
      if (covered.includes(`[${begin},${end}]`)) continue;
      if (!(await sameStretch(a, b, begin, end, async () => undefined))) return false;
    }
    return true;
  } finally {
    closeSync(b);
    closeSync(a);
  }
}

function sameAttributes(from: string, to: string): boolean {
  const one = attributes(from);
  const other = attributes(to);
  return one.size === other.size && [...one].every(([name, value]) => other.get(name)?.equals(value));
}

export class Comparison {
  readonly differences: Difference[] = [];
  readonly counts = { files: 0, folders: 0, links: 0, bytes: 0 };
  private readonly links = new Map<string, bigint>();

  constructor(
    private readonly from: string,
    private readonly to: string,
    private readonly options: CompareOptions,
  ) {}

  async item(path: string): Promise<void> {
    for (const folder of above(path)) this.dress(folder);
    await this.node(path);
  }

  private note(path: string, what: string): void {
    this.differences.push({ path, what: `${shown(path)}: ${what}` });
  }

  /** All but the contents. */
  private dress(path: string): BigIntStats | undefined {
    const [from, to] = [`${this.from}/${path}`, `${this.to}/${path}`];
    const [a, b] = [look(from), look(to)];
    if (!a || !b) {
      if (a || b) this.note(path, a ? "missing" : "too much");
      return undefined;
    }
    if (kind(a) !== kind(b)) {
      this.note(path, "another kind of file");
      return undefined;
    }
    const rows: [string, unknown, unknown][] = [
      ["owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`],
      ["mode", a.mode, b.mode],
      ["time", a.mtimeNs, b.mtimeNs],
      ["size", a.isFile() ? a.size : 0n, b.isFile() ? b.size : 0n],
      ["device", a.rdev, b.rdev],
    ];
    for (const [what, one, other] of rows) if (one !== other) this.note(path, `another ${what}`);
    if (!sameAttributes(from, to)) this.note(path, "other attributes");
    return a;
  }

  private async node(path: string): Promise<void> {
    if (this.options.skip?.(path)) return;
    const [from, to] = [`${this.from}/${path}`, `${this.to}/${path}`];
    if (look(from)?.isSocket()) return;
    const stat = this.dress(path);
    if (!stat) return;
    if (stat.isDirectory()) {
      this.counts.folders++;
      await this.options.meter(Number(stat.blocks) * 512);
      const all = new Set([...names(from), ...names(to)]);
      for (const name of all) await this.node(`${path}/${name}`);
      return;
    }
    if (stat.isSymbolicLink()) {
      this.counts.links++;
      const target = (at: string) => String(readlinkSync(raw(at), { encoding: "latin1" as "utf8" }));
      if (target(from) !== target(to)) this.note(path, "another target");
      return;
    }
    this.counts.files++;
    if (stat.nlink > 1n) this.sameFile(path, stat, to);
    if (!stat.isFile()) return;
    this.counts.bytes += Number(stat.size);
    let read = 0;
    const meter: Meter = (bytes) => {
      read += bytes;
      return this.options.meter(bytes);
    };
    const same = look(to)?.size === stat.size && (await sameContents(from, to, Number(stat.size), meter));
    await this.options.meter(Math.max(0, Number(stat.blocks) * 512 - read));
    if (!same) this.note(path, "other contents");
  }

  /** Two names of one file are two names of one file in the mirror. */
  private sameFile(path: string, stat: BigIntStats, to: string): void {
    const key = `${stat.dev}:${stat.ino}`;
    const inode = look(to)?.ino ?? 0n;
    const first = this.links.get(key);
    if (first === undefined) this.links.set(key, inode);
    else if (first !== inode) this.note(path, "no longer another name of the same file");
  }
}
