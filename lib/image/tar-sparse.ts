/** The maps of sparse files: where their bytes that are not zero stand. Source: the GNU tar manual, "Storing Sparse Files". */
import type { Entry, Part } from "./entry.ts";
import { readNumber, TarMistake } from "./tar-numbers.ts";

/** An entry whose map is still to come. */
export interface Pending {
  entry: Entry;
  parts: Part[];
  /** Bytes in the archive that belong to it, map included. */
  stored: number;
  map: string;
}

const broken = "a broken map of a sparse file";

/** Form 1.0: `count\n` then `at\nlength\n` for each at the beginning of the content, filled up to a whole block. */
export function mapIsWhole(text: string): boolean {
  const lines = text.split("\n");
  const count = Number(lines[0]);
  return lines.length > 1 && (!Number.isSafeInteger(count) || lines.length > 1 + count * 2);
}

export function partsOfMap(text: string): Part[] {
  const [count = 0, ...numbers] = text.split("\n").map(Number);
  if (!Number.isSafeInteger(count) || count < 0) throw new TarMistake(broken);
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
