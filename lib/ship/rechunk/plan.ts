/**
 * Which components share a layer.
 *
 * **What it costs.** A machine that updates downloads every layer in which anything changed, whole. A layer of the
 * components L is expected to cost, at each release, E(L) = P(L) · (size of L + request), where `request` is what one more
 * request is worth in bytes, and P(L) is the probability that at least one of L changes. P is a mixture of two views:
 *
 *     P(L) = (prior · (1 − Π(1 − pᵢ)) + Σ wₜ · [anything of L changed at release t]) ÷ (prior + Σ wₜ)
 *
 * The first takes components to change independently, each with its own rate pᵢ: the first guess, corrected by what it did
 * since it is known. The second takes the past to repeat itself: things that changed together before cost nothing extra when
 * they share a layer. wₜ fades with age; `prior` says how many releases the first view is worth.
 *
 * **What a change of the plan costs.** A layer is *clean* if all its components are as they were, and *dirty* otherwise:
 * something of it changed, came or went. A clean layer that is kept costs nothing now; one that is touched is downloaded
 * now, whole. A dirty layer is downloaded now in any case, and so are all its components, wherever they go: to deal them
 * out anew among the dirty layers is free. That is the moment, and the only one, when what turned out to change often is
 * parted from what does not, and what changed together comes together.
 *
 * **The plan.** Clean layers begin whole, every other component begins as a layer of its own. Then the two are merged
 * whose merging costs least,
 *
 *     horizon · (E(A ∪ B) − E(A) − E(B)) + (A clean ? size of A : 0) + (B clean ? size of B : 0),
 *
 * until there are no more than the limit, and beyond that as long as merging gains. So an unchanged image keeps its plan
 * to the letter; a new component joins what is downloaded anyway; a clean layer is opened only where that is cheaper over
 * `horizon` releases than any other way. With no previous plan everything begins alone: the same rule is the first plan.
 *
 * It is a pure function of its arguments: no clock, no chance; equal costs are told apart by name.
 */
import { type Cluster, Costs, mergeDown, prior, union, weightOf, weightOfFirst, window } from "./clusters.ts";
import type { Component } from "./components.ts";

/** What the published image remembers of a component. */
export interface Past {
  name: string;
  digest: string;
  /** Bit t: it changed t releases ago. */
  changed: number;
  /** For how many releases it is known, the one that brought it not counted. */
  known: number;
}

/** What the published image carries. */
export interface Memory {
  /** Times later than this are set back to it; fixed by the first plan, or a rebuild on another day would change everything. */
  epoch: number;
  /** Releases that changed anything, since the first. */
  releases: number;
  layers: Past[][];
}

export interface PlannedLayer {
  /** Names, sorted. */
  components: string[];
  /** As it was in the previous plan, and nothing in it changed. */
  kept: boolean;
  size: number;
  /** P(L) of the cost model. */
  probability: number;
}

export interface Plan {
  layers: PlannedLayer[];
  memory: Memory;
}

/** The first guess, corrected by what it did: as if the guess were `prior` releases of experience. */
function rate(guess: number, past: Past | undefined): number {
  if (!past) return guess;
  return (prior * guess + (weightOf[past.changed] ?? 0)) / (prior + weightOfFirst(past.known));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** What happened to a component, written behind its past. */
function grow(past: Past | undefined, component: Component): Past {
  const { name, digest } = component;
  if (!past) return { name, digest, changed: 0, known: 0 };
  const mask = (1 << window) - 1;
  const changed = ((past.changed << 1) | (past.digest === digest ? 0 : 1)) & mask;
  return { name, digest, changed, known: Math.min(past.known + 1, window) };
}

/**
 * @param components of the image, in any order.
 * @param epoch for the first plan; a later one keeps the first one's.
 */
export function plan(components: Component[], limit: number, epoch: number, previous?: Memory): Plan {
  const work = planning(components, limit, epoch, previous);
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** The same, stopping now and then: thousands of components take seconds. */
export function* planning(
  components: Component[],
  limit: number,
  epoch: number,
  previous?: Memory,
): Generator<void, Plan, void> {
  const now = new Map(components.map((c) => [c.name, c]));
  const before = new Map((previous?.layers ?? []).flat().map((p) => [p.name, p]));
  const isClean = (layer: Past[]) => layer.length > 0 && layer.every((p) => now.get(p.name)?.digest === p.digest);
  const isNew = components.some((c) => !before.has(c.name));
  const same = previous !== undefined && !isNew && previous.layers.every(isClean);
  const releases = same ? previous.releases : previous ? previous.releases + 1 : 0;
  // A build that changed nothing is no release to learn from: its plan, and what it remembers, stay to the letter.
  const pasts = new Map(components.map((c) => [c.name, same ? grown(before, c) : grow(before.get(c.name), c)]));
  const costs = new Costs(releases);

  const single = (name: string): Cluster => {
    const c = now.get(name);
    const past = pasts.get(name);
    const p = Math.min(0.99, rate(c?.guess ?? 0, past));
    return {
      name,
      components: [name],
      size: c?.size ?? 0,
      still: 1 - p,
      changed: past?.changed ?? 0,
      clean: false,
      place: -1,
      best: -1,
      cost: Number.POSITIVE_INFINITY,
    };
  };
  const clean = (previous?.layers ?? []).flatMap((layer, place): Cluster[] => {
    if (!isClean(layer)) return [];
    const parts = layer.map((p) => single(p.name));
    const whole = parts.slice(1).reduce(union, parts[0] ?? single(""));
    return [{ ...whole, clean: true, place }];
  });
  const settled = new Set(clean.flatMap((c) => c.components));
  const loose = components.filter((c) => !settled.has(c.name)).map((c) => single(c.name));
  const clusters = yield* mergeDown([...clean, ...loose].sort(byName), limit, costs);

  // Kept layers first and in their order, then the calm before the lively: what lies below stays for whoever stores by chain.
  const likely = (c: Cluster) => costs.probability(c.still, c.changed);
  const kept = clusters.filter((c) => c.clean).sort((a, b) => a.place - b.place);
  const made = clusters.filter((c) => !c.clean).sort((a, b) => likely(a) - likely(b) || byName(a, b));
  const layers = [...kept, ...made].map(
    (c): PlannedLayer => ({
      components: c.components,
      kept: c.clean,
      size: c.size,
      probability: likely(c),
    }),
  );
  const remembered = layers.map((l) => l.components.flatMap((name) => pasts.get(name) ?? []));
  return { layers, memory: { epoch: previous?.epoch ?? epoch, releases, layers: remembered } };
}

function grown(before: Map<string, Past>, c: Component): Past {
  return before.get(c.name) ?? { name: c.name, digest: c.digest, changed: 0, known: 0 };
}
