import { readSync } from "node:fs";

/** At most `most` bytes from the beginning of an open file. */
export function readUpTo(fd: number, most: number): Buffer {
  const bytes = Buffer.alloc(most);
  let length = 0;
  for (let got = -1; got !== 0 && length < most; length += got)
    got = readSync(fd, bytes, length, most - length, length);
  return bytes.subarray(0, length);
}
