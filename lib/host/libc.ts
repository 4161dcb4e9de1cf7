import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { constants } from "node:fs";
import { errors } from "./errno.ts";

/**
 * What node:fs does not know and a home cannot do without: extended attributes (with them ACLs), times to the nanosecond, holes,
 * reflinks, special files, an exchange of two paths in one step; and openat2. What belongs to somebody else is named by a descriptor
 * and never by a path (docs/untrusted-paths.md). Paths are bytes, one a character. Loaded where it is first needed.
 */

const { i32, i64, u32, u64, ptr: pointer } = FFIType;

const { symbols: c } = dlopen("libc.so.6", {
  __errno_location: { args: [], returns: pointer },
  syscall: { args: [i64, i64, pointer, pointer, u64], returns: i64 },
  openat: { args: [i32, pointer, i32, u32], returns: i32 },
  readlinkat: { args: [i32, pointer, pointer, u64], returns: i64 },
  listxattr: { args: [pointer, pointer, u64], returns: i64 },
  getxattr: { args: [pointer, pointer, pointer, u64], returns: i64 },
  setxattr: { args: [pointer, pointer, pointer, u64, i32], returns: i32 },
  removexattr: { args: [pointer, pointer], returns: i32 },
  utimensat: { args: [i32, pointer, pointer, i32], returns: i32 },
  lseek: { args: [i32, i64, i32], returns: i64 },
  ioctl: { args: [i32, u64, u64], returns: i32 },
  renameat2: { args: [i32, pointer, i32, pointer, u32], returns: i32 },
  open: { args: [pointer, i32, u32], returns: i32 },
  mknodat: { args: [i32, pointer, u32, u64], returns: i32 },
  flock: { args: [i32, i32], returns: i32 },
  posix_fadvise: { args: [i32, i64, i64, i32], returns: i32 },
  syncfs: { args: [i32], returns: i32 },
});

function error(what: string, path: string): NodeJS.ErrnoException {
  const at = c.__errno_location();
  const number = at === null ? 0 : read.i32(at, 0);
  const code = errors[number] ?? `errno ${number}`;
  return Object.assign(new Error(`${code}: ${what} '${path}'`), { code, path, syscall: what });
}

const text = (path: string) => Buffer.from(`${path}\0`, "latin1");
const empty = Buffer.alloc(1);

/** The most that names, or a value, can take: xattr(7). */
const limit = 65_536;
const list = Buffer.alloc(limit);
const value = Buffer.alloc(limit);

/** A path to what a descriptor is open on, also one that was opened only to hold it (O_PATH). Source: proc_pid_fd(5). */
const held = (fd: number) => `/proc/self/fd/${fd}`;

const { O_DIRECTORY, O_NOFOLLOW } = constants;
const holding = 0x20_0000 | 0x8_0000; // O_PATH, O_CLOEXEC
const openat2 = 437;
/** No other file system, no links of /proc, no links at all, nothing above: linux/openat2.h. */
const beneath = 0xfn;
const how = new BigUint64Array([BigInt(holding | O_NOFOLLOW), 0n, beneath]);
/** Linux before 5.6 has no openat2, and a container may forbid it. */
let hasOpenat2 = true;

/**
 * Holds what has a name in a folder, without opening it: a pipe does not wait, a device does nothing, a link is held itself.
 * @returns a descriptor; undefined where there is nothing of this name @throws EXDEV where another file system is mounted on it
 */
export function holdAt(folder: number, name: string): number | undefined {
  const n = text(name);
  let fd = hasOpenat2 ? Number(c.syscall(openat2, folder, n, ptr(how), how.byteLength)) : -1;
  if (fd < 0 && hasOpenat2) {
    const failed = error("openat2", name);
    if (failed.code === "ENOENT" || failed.code === "ENOTDIR") return undefined;
    if (failed.code !== "ENOSYS" && failed.code !== "EPERM") throw failed;
    hasOpenat2 = false;
  }
  if (fd < 0) fd = c.openat(folder, n, holding | O_NOFOLLOW, 0);
  if (fd >= 0) return fd;
  const failed = error("openat", name);
  if (failed.code === "ENOENT" || failed.code === "ENOTDIR") return undefined;
  throw failed;
}

/** Holds a folder by a path: for those that only root can move. @throws ENOENT, ENOTDIR */
export function holdFolder(path: string): number {
  const fd = c.open(text(path), holding | O_DIRECTORY, 0);
  if (fd < 0) throw error("open", path);
  return fd;
}

/** Where a link points, as bytes. */
export function linkTarget(fd: number): Buffer {
  const length = Number(c.readlinkat(fd, text(""), value, limit));
  if (length < 0) throw error("readlinkat", held(fd));
  return Buffer.from(value.subarray(0, length));
}

/** The extended attributes of what a descriptor is open on; for a link those of the link itself, not of its target. */
export function attributes(fd: number): Map<string, Buffer> {
  const all = new Map<string, Buffer>();
  const p = text(held(fd));
  const size = Number(c.listxattr(p, list, limit));
  if (size < 0) {
    const failed = error("listxattr", held(fd));
    if (failed.code === "ENOTSUP") return all;
    throw failed;
  }
  for (const name of list.toString("latin1", 0, size).split("\0").filter(Boolean).sort()) {
    const length = Number(c.getxattr(p, text(name), value, limit));
    if (length >= 0) all.set(name, Buffer.from(value.subarray(0, length)));
    else {
      const failed = error(`getxattr ${name}`, held(fd));
      if (failed.code !== "ENODATA" && failed.code !== "ENOTSUP") throw failed;
    }
  }
  return all;
}

/** Gives these attributes and no others. */
export function setAttributes(fd: number, wanted: Map<string, Buffer>): void {
  const p = text(held(fd));
  const there = attributes(fd);
  for (const name of there.keys())
    if (!wanted.has(name) && c.removexattr(p, text(name)) < 0) throw error(`removexattr ${name}`, held(fd));
  for (const [name, value] of wanted) {
    if (there.get(name)?.equals(value)) continue;
    if (c.setxattr(p, text(name), value.length ? value : empty, value.length, 0) < 0)
      throw error(`setxattr ${name}`, held(fd));
  }
}

const cwd = -100;

/** Times in nanoseconds since 1970; of a link itself. */
export function setTimes(fd: number, accessed: bigint, modified: bigint): void {
  const parts = (at: bigint): [bigint, bigint] => {
    const rest = ((at % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    return [(at - rest) / 1_000_000_000n, rest];
  };
  const times = new BigInt64Array([...parts(accessed), ...parts(modified)]);
  if (c.utimensat(cwd, text(held(fd)), ptr(times), 0) < 0) throw error("utimensat", held(fd));
}

/** The stretches of a file that hold data, as [from, to) in bytes; what lies between is holes. Source: lseek(2). */
export function* segments(fd: number, size: number): Generator<[number, number]> {
  const seekData = 3;
  const seekHole = 4;
  for (let at = 0; at < size; ) {
    const from = Number(c.lseek(fd, at, seekData));
    if (from < 0) {
      const failed = error("lseek", "");
      if (failed.code === "ENXIO") return;
      yield [at, size];
      return;
    }
    const hole = Number(c.lseek(fd, from, seekHole));
    const to = Math.min(size, hole < 0 ? size : hole);
    if (to > from) yield [from, to];
    at = Math.max(to, from + 1);
  }
}

/** Makes `to` share the contents of `from`. @returns false where the file system cannot. Source: ioctl_ficlone(2). */
export function clone(from: number, to: number): boolean {
  return c.ioctl(to, 0x40049409, from) === 0;
}

const noCow = 0x0080_0000;
const encrypted = 0x0800;

function inodeFlags(fd: number): number {
  const room = new BigInt64Array(1);
  return c.ioctl(fd, 0x8008_6601, ptr(room)) < 0 ? 0 : Number(room[0]);
}

/** A file without copy-on-write can only be cloned to another such, and has to become one while it is empty. */
export function takeNoCow(from: number, to: number): void {
  if (!(inodeFlags(from) & noCow)) return;
  const flags = new BigInt64Array([BigInt(inodeFlags(to) | noCow)]);
  c.ioctl(to, 0x4008_6602, ptr(flags));
}

/** The folder is encrypted by the file system. Source: fscrypt, FS_ENCRYPT_FL. */
export function isEncrypted(fd: number): boolean {
  return (inodeFlags(fd) & encrypted) !== 0;
}

/** Exchanges two paths in one step. @returns false where the file system cannot. Source: rename(2), RENAME_EXCHANGE. */
export function exchange(one: string, other: string): boolean {
  if (c.renameat2(cwd, text(one), cwd, text(other), 2) === 0) return true;
  const failed = error("renameat2", one);
  if (["EINVAL", "ENOSYS", "EXDEV", "ENOTSUP"].includes(failed.code ?? "")) return false;
  throw failed;
}

/** An open file without a name, gone when it is closed. @returns undefined where the file system has none. */
export function unnamedFile(folder: string): number | undefined {
  const fd = c.open(text(folder), 0x41_0002, 0o600);
  return fd < 0 ? undefined : fd;
}

/** A pipe, socket or device. @param mode with the kind, as stat gives it */
export function makeNode(folder: number, name: string, mode: number, device: bigint): void {
  if (c.mknodat(folder, text(name), mode, device) < 0) throw error("mknodat", name);
}

/** Takes a lock that ends with the process. @returns false when another process has it */
export function lock(fd: number): boolean {
  return c.flock(fd, 6) === 0;
}

/** Everything that was written to a file system is on its disk. */
export function syncAll(fd: number): void {
  if (c.syncfs(fd) < 0) throw error("syncfs", "");
}

/** What of a file is in memory is forgotten, so that it is read from the disk. Source: posix_fadvise(2), POSIX_FADV_DONTNEED. */
export function forget(fd: number): void {
  c.posix_fadvise(fd, 0, 0, 4);
}
