import { type BigIntStats, lstatSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { Held } from "../../below.ts";

/**
 * Paths as bytes, one a character: names on Linux are not always text. What takes a whole path is for folders that only root can
 * change; below a home there is `Held`.
 */

/** A path as the system takes it. */
export const raw = (path: string) => Buffer.from(path, "latin1");
/** Text that people typed, as bytes. */
export const bytesOf = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** A path for people: one line, whatever is in it. */
export function shown(path: string): string {
  const text = raw(path).toString("utf8");
  const safe = text.includes("\ufffd") ? path : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  return safe.replace(/[\x00-\x1f\x7f]/g, (c) => JSON.stringify(c).slice(1, -1));
}

export function look(path: string): BigIntStats | undefined {
  try {
    return lstatSync(raw(path), { bigint: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The names in a folder, in the order of their bytes. */
export function names(folder: string): string[] {
  const found = readdirSync(raw(folder), { encoding: "buffer" }) as unknown as Buffer[];
  return found.map((name) => Buffer.from(name).toString("latin1")).sort((a, b) => (a < b ? -1 : 1));
}

/** Removes a file, or a folder with all that is in it. Links are not followed. */
export function removeTree(path: string): void {
  if (!look(path)) return;
  using folder = Held.ofRoot(dirname(path));
  folder.remove(basename(path));
}

/** The folders above a relative path, the outermost first. */
export function above(path: string): string[] {
  const parts = path.split("/");
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join("/"));
}
