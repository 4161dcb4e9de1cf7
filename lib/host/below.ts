import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { readUpTo } from "../system/read-up-to.ts";
import { holdAt, holdFolder, linkTarget } from "./libc.ts";

/**
 * Files below a folder that somebody else may change at any time, such as a home: docs/untrusted-paths.md. A descriptor holds
 * each file. It is found by one name in a folder that is already held; all reads and changes go through the descriptor. So it
 * stays the same file, whatever happens to its name, and a path is never too long. Names are bytes, one in each character.
 */
export class Held implements Disposable {
  private constructor(
    readonly fd: number,
    /** Its state when it was opened; its kind and inode number never change. */
    readonly stat: BigIntStats,
  ) {}

  private static of(fd: number): Held {
    return new Held(fd, fstatSync(fd, { bigint: true }));
  }

  /** A folder that only root can move, by its path. @throws ENOENT, ENOTDIR */
  static ofRoot(path: string): Held {
    return Held.of(holdFolder(path));
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }

  /** A path to exactly this file, for calls that do not take descriptors; it does not depend on a name. */
  get path(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** A path to what has a name in this folder. For calls that follow no links: make, remove, rename, open with O_NOFOLLOW. */
  at(name: string): Buffer {
    if (name === "" || name === "." || name === ".." || name.includes("/")) throw new Error(`no name: ${name}`);
    return Buffer.from(`${this.path}/${name}`, "latin1");
  }

  /** @returns undefined where there is nothing of this name @throws EXDEV where another file system is mounted on it */
  hold(name: string): Held | undefined {
    this.at(name);
    const fd = holdAt(this.fd, name);
    return fd === undefined ? undefined : Held.of(fd);
  }

  /** Several names deep, through folders only: a link on the way is not followed. */
  walk(path: string): Held | undefined {
    const [name = "", ...rest] = path.split("/");
    const next = this.hold(name);
    if (!next || rest.length === 0) return next;
    using folder = next;
    return folder.stat.isDirectory() ? folder.walk(rest.join("/")) : undefined;
  }

  /** What something is, several names deep. */
  look(path: string): BigIntStats | undefined {
    using found = this.walk(path);
    return found?.stat;
  }

  /** The names in this folder, in the order of their bytes. */
  names(): string[] {
    const found = readdirSync(this.path, { encoding: "buffer" }) as unknown as Buffer[];
    return found.map((name) => Buffer.from(name).toString("latin1")).sort((a, b) => (a < b ? -1 : 1));
  }

  /** Where a link points, as bytes. */
  target(): Buffer {
    return linkTarget(this.fd);
  }

  /** Opens a file or folder for reading. @returns a descriptor @throws Error for what would wait or act when it is opened */
  open(): number {
    if (!this.stat.isFile() && !this.stat.isDirectory()) throw new Error("neither a file nor a folder");
    return openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  /** The contents of a small file. @returns undefined where they are more than `most` bytes */
  read(most: number): Buffer | undefined {
    const fd = this.open();
    try {
      const all = readUpTo(fd, most + 1);
      return all.length > most ? undefined : all;
    } finally {
      closeSync(fd);
    }
  }

  own(uid: number, gid: number): void {
    chownSync(this.path, uid, gid);
  }

  /** @param mode of anything but a link */
  allow(mode: number): void {
    chmodSync(this.path, mode);
  }

  /** The folder of this name. What is there and not a folder is replaced by a new one. */
  folder(name: string): Held {
    const there = this.hold(name);
    if (there?.stat.isDirectory()) return there;
    there?.[Symbol.dispose]();
    this.remove(name);
    mkdirSync(this.at(name), { mode: 0o700 });
    const made = this.hold(name);
    if (made?.stat.isDirectory()) return made;
    throw new Error(`the new folder ${name} was changed`);
  }

  /** A new file, for root alone. @returns a descriptor to write and read @throws EEXIST */
  create(name: string): number {
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    return openSync(this.at(name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  }

  /** What is in this file or folder is on its disk. */
  flush(): void {
    const fd = this.open();
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Gives a name to a small file, whole or not at all. @param owner the only one, besides root, that may read it */
  put(name: string, text: string, owner = 0): void {
    const made = `${name}.part`;
    this.remove(made);
    const fd = this.create(made);
    try {
      writeFileSync(fd, text);
      fchownSync(fd, owner, owner);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(this.at(made), this.at(name));
    this.flush();
  }

  /** Removes what has a name, and all that is below it. */
  remove(name: string): void {
    using found = this.hold(name);
    if (found?.stat.isDirectory()) {
      for (const inside of found.names()) found.remove(inside);
      rmdirSync(this.at(name));
    } else if (found) unlinkSync(this.at(name));
  }
}
