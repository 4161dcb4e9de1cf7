import { distance } from "fastest-levenshtein";

/** No word of ours is longer; a distance takes the product of two lengths. */
const longest = 100;

/**
 * The valid word that was probably meant.
 * @returns the nearest of `words`, or undefined when none is near enough to be worth saying.
 */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  if (word === "" || word.length > longest) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    const d = candidate.startsWith(word) && word.length > 1 ? 1 : distance(word, candidate);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

/** "; did you mean `x`?" or nothing. */
export function didYouMean(word: string, words: Iterable<string>): string {
  const near = nearest(word, words);
  return near === undefined ? "" : `; did you mean \`${near}\`?`;
}
