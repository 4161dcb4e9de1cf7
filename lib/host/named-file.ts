import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { readUpTo } from "../system/read-up-to.ts";

/**
 * The text of a small file that the caller named, perhaps in somebody else's folder. Links are followed, as the caller may wish; a pipe
 * is not waited for, and a device is not read. @throws Error for what is not a file, or has more than `most` bytes
 */
export function readNamed(path: string, most: number): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not an ordinary file`);
    const bytes = readUpTo(fd, most + 1);
    if (bytes.length > most) throw new Error(`${path} has more than ${most} bytes`);
    return bytes.toString("utf8");
  } finally {
    closeSync(fd);
  }
}

/** A body of an answer, as text. @throws Error as soon as there is more than `most` bytes of it */
export async function readBody(answer: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > most) throw new Error(`the list has more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
