/**
 * How likely a component changes from one release to the next, before it has a past of its own. Each thing that is known is
 * a witness; the guess is their geometric mean, so that none is believed alone. Releases are taken to be a week apart.
 *
 * - the interval that the family's manifest gives its group: 7 days ÷ interval, at most 0.8
 * - its age: what was built lately changes again soon, what has not been built for years stays. Measured against the
 *   newest component of the image, never against today, or the guess would change by itself.
 * - the distribution's own count of updates in its version
 */
import type { Hints } from "../../packages/owner.ts";

const release = 7;
const day = 86_400;
const most = 0.8;

/** Databases, caches and lists of everything: they change with anything. */
const restGuess = 0.5;
const unknown = 0.1;

function rounded(p: number): number {
  return Math.round(p * 1000) / 1000;
}

/** @param newest when the newest component of the image was built. */
export function firstGuess(name: string, hints: Hints, newest: number): number {
  if (name.startsWith("rest/")) return restGuess;
  const witnesses: number[] = [];
  if (hints.interval !== undefined) witnesses.push(Math.min(most, release / hints.interval));
  if (hints.built !== undefined) witnesses.push(release / ((newest - hints.built) / day + 3 * release));
  if (hints.follows) witnesses.push(0.4);
  else if (hints.updates !== undefined) witnesses.push((hints.updates + 0.3) / (hints.updates + 6));
  // A package database is read from the image, and may say anything.
  const good = witnesses.filter(Number.isFinite);
  if (good.length === 0) return unknown;
  const product = good.reduce((all, p) => all * Math.max(p, 0.001), 1);
  return Math.max(0.001, rounded(product ** (1 / good.length)));
}
