/** The maps of sparse files: where their bytes that are not zero stand. Source: the GNU tar manual, "Storing Sparse Files". */
import type { Entry, Part } from "./entry.ts";
import { decimal, readNumber, TarMistake } from "./tar-numbers.ts";

/** An entry whose map is still to come. */
export interface Pending {
  entry: Entry;
  parts: Part[];
  /** Bytes in the archive that belong to it, map included. */
  stored: number;
  map: string;
  /** Lines of the map. */
  lines: number;
}

/** Pieces of one file. A disk image of 100 GB has some thousands. */
const mostParts = 65_536;

const broken = "a broken map of a sparse file";

/**
 * Form 1.0: `count\n` then `at\nlength\n` for each at the beginning of the content, filled up to a whole block.
 * @param block more of the map. @returns whether it is whole now. @throws TarMistake
 */
export function growMap(pending: Pending, block: string): boolean {
  pending.map += block;
  for (let at = block.indexOf("\n"); at >= 0; at = block.indexOf("\n", at + 1)) pending.lines++;
  const count = decimal(pending.map.slice(0, Math.max(0, pending.map.indexOf("\n"))));
  if (pending.lines > 0 && !(count <= mostParts)) throw new TarMistake(broken);
  if (pending.lines === 0 && pending.map.length > block.length) throw new TarMistake(broken);
  return pending.lines > 0 && pending.lines > count * 2;
}

export function partsOfMap(text: string): Part[] {
  const [count = 0, ...numbers] = text.split("\n").map(decimal);
  return pairs(numbers.slice(0, count * 2));
}

/** Forms 0.0 and 0.1: a list of places and lengths by turns. */
export function pairs(numbers: number[]): Part[] {
  const parts: Part[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) parts.push([numbers[i] ?? 0, numbers[i + 1] ?? 0]);
  return parts;
}

/** The old form: a few places in the header. @param count how many there are; @param at where they begin. */
export function oldParts(head: Uint8Array, count: number, at: number): Part[] {
  const parts: Part[] = [];
  for (let from = at; from < at + count * 24 && (head[from] ?? 0) !== 0; from += 24)
    parts.push([readNumber(head, from, 12), readNumber(head, from + 12, 12)]);
  return parts;
}

/** Holds a map against the sizes, for a wrong one would shift everything that follows. @throws TarMistake */
export function checkMap({ entry, parts, stored }: Pending): void {
  if (parts.length > mostParts) throw new TarMistake(`a sparse file in more than ${mostParts} pieces`);
  let end = 0;
  let sum = 0;
  for (const [at, length] of parts) {
    if (!Number.isSafeInteger(at) || !Number.isSafeInteger(length) || at < end || length < 0)
      throw new TarMistake(broken);
    end = at + length;
    sum += length;
  }
  if (sum !== stored || end > entry.size) throw new TarMistake("a map of a sparse file that does not fit its size");
}
