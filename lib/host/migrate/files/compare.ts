import { type BigIntStats, closeSync, constants, readSync } from "node:fs";
import { basename } from "node:path";
import type { Held } from "../../below.ts";
import { attributes, forget, segments } from "../../libc.ts";
import type { Meter } from "./copy.ts";
import { shown } from "./paths.ts";

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
async function sameContents(from: Held, to: Held, size: number, meter: Meter): Promise<boolean> {
  const a = from.open();
  const b = to.open();
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

function sameAttributes(from: Held, to: Held): boolean {
  const one = attributes(from.fd);
  const other = attributes(to.fd);
  return one.size === other.size && [...one].every(([name, value]) => other.get(name)?.equals(value));
}

export class Comparison {
  readonly differences: Difference[] = [];
  readonly counts = { files: 0, folders: 0, links: 0, bytes: 0 };
  private readonly links = new Map<string, bigint>();

  constructor(
    private readonly from: Held,
    private readonly to: Held,
    private readonly options: CompareOptions,
  ) {}

  item(path: string): Promise<void> {
    return this.descend(this.from, this.to, path.split("/"), "");
  }

  private async descend(from: Held, to: Held, [name = "", ...rest]: string[], above: string): Promise<void> {
    const path = `${above}${name}`;
    if (rest.length === 0) return this.node(from, to, path);
    using one = from.hold(name);
    using other = to.hold(name);
    if (this.dress(path, one, other) && one && other && one.stat.isDirectory())
      await this.descend(one, other, rest, `${path}/`);
  }

  private note(path: string, what: string): void {
    this.differences.push({ path, what: `${shown(path)}: ${what}` });
  }

  /** All but the contents. @returns whether both are there and of one kind */
  private dress(path: string, from: Held | undefined, to: Held | undefined): boolean {
    if (!from || !to) {
      if (from || to) this.note(path, from ? "missing" : "too much");
      return false;
    }
    const [a, b] = [from.stat, to.stat];
    if (kind(a) !== kind(b)) {
      this.note(path, "another kind of file");
      return false;
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
    return true;
  }

  private async node(from: Held, to: Held, path: string): Promise<void> {
    if (this.options.skip?.(path)) return;
    const name = basename(path);
    using one = from.hold(name);
    if (one?.stat.isSocket()) return;
    using other = to.hold(name);
    if (!this.dress(path, one, other) || !one || !other) return;
    const { stat } = one;
    if (stat.isDirectory()) {
      this.counts.folders++;
      await this.options.meter(Number(stat.blocks) * 512);
      const all = new Set([...one.names(), ...other.names()]);
      for (const inside of all) await this.node(one, other, `${path}/${inside}`);
      return;
    }
    if (stat.isSymbolicLink()) {
      this.counts.links++;
      if (!one.target().equals(other.target())) this.note(path, "another target");
      return;
    }
    this.counts.files++;
    if (stat.nlink > 1n) this.sameFile(path, stat, other.stat);
    if (!stat.isFile()) return;
    this.counts.bytes += Number(stat.size);
    let read = 0;
    const meter: Meter = (bytes) => {
      read += bytes;
      return this.options.meter(bytes);
    };
    const same = other.stat.size === stat.size && (await sameContents(one, other, Number(stat.size), meter));
    await this.options.meter(Math.max(0, Number(stat.blocks) * 512 - read));
    if (!same) this.note(path, "other contents");
  }

  /** Two names of one file are two names of one file in the mirror. */
  private sameFile(path: string, stat: BigIntStats, other: BigIntStats): void {
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.links.get(key);
    if (first === undefined) this.links.set(key, other.ino);
    else if (first !== other.ino) this.note(path, "no longer another name of the same file");
  }
}
