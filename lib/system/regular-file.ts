import { closeSync, constants, fstatSync, openSync, readlinkSync, realpathSync } from "node:fs";
import { exit, Failure } from "./errors.ts";
import { readUpTo } from "./read-up-to.ts";

const broken = "the image is broken: build or pull it again; nothing was changed";

function kindOf(mode: number): string {
  const kinds: Record<number, string> = {
    [constants.S_IFIFO]: "a pipe",
    [constants.S_IFCHR]: "a device",
    [constants.S_IFBLK]: "a device",
    [constants.S_IFDIR]: "a folder",
    [constants.S_IFSOCK]: "a socket",
  };
  return kinds[mode & constants.S_IFMT] ?? "of an unknown kind";
}

/**
 * Opens a file that somebody else put there, for reading. A pipe could make us wait, a device may never end, and a link may
 * lead to a file that only we may read: each is refused.
 * @param below the folder that it must lie in, links of its folders followed.
 * @returns the descriptor, which the caller closes, and the size.
 * @throws Failure naming the file and what it is
 */
export function openRegular(path: string, below?: string): { fd: number; size: number } {
  const refuse = (what: string) => new Failure(exit.failed, `${path}: ${what}`, { next: broken });
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw refuse("missing");
    if (code === "ELOOP") throw refuse("a link, not a file");
    if (code === "ENXIO") throw refuse("a socket, not a file");
    throw refuse(message);
  }
  try {
    const { mode, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refuse(`${kindOf(mode)}, not a file`);
    if (below !== undefined && !readlinkSync(`/proc/self/fd/${fd}`).startsWith(`${realpathSync(below)}/`))
      throw refuse(`a link leads out of ${below}`);
    return { fd, size };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * A small document as a whole.
 * @param most bytes that it may have. @throws Failure as `openRegular` does, and for a longer one
 */
export function readRegular(path: string, below: string, most: number): Buffer {
  const { fd, size } = openRegular(path, below);
  try {
    if (size > most)
      throw new Failure(exit.failed, `${path}: ${size} bytes; a document of an image has ${most} at most`, {
        next: broken,
      });
    return readUpTo(fd, size);
  } finally {
    closeSync(fd);
  }
}
