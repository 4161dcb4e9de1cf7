/** Layers in the making, what they cost, and which two are best made one. The cost model is described in plan.ts. */

/** Bytes that a request is worth: 50 ms at 5 MB/s. */
const request = 256_000;
/** Over how many releases a change of the plan must pay. */
const horizon = 8;
/** How many releases are remembered: a past of half a year of weekly releases, in two bytes a component. */
export const window = 16;
const fade = 0.85;
export const prior = 4;

const weights = Array.from({ length: window }, (_, t) => fade ** t);

/** Σ wₜ over the bits that are set. */
export const weightOf = new Float64Array(1 << window);
for (let bits = 1; bits < weightOf.length; bits++) {
  const low = bits & -bits;
  weightOf[bits] = (weightOf[bits ^ low] ?? 0) + (weights[31 - Math.clz32(low)] ?? 0);
}

export function weightOfFirst(releases: number): number {
  return weightOf[(1 << Math.min(releases, window)) - 1] ?? 0;
}

/** Layers that may still become one. */
export interface Cluster {
  name: string;
  components: string[];
  size: number;
  /** Π(1 − pᵢ) */
  still: number;
  changed: number;
  clean: boolean;
  /** Its place in the previous plan. */
  place: number;
  /** The best other one to merge with, among those after it. */
  best: number;
  cost: number;
}

export class Costs {
  private readonly weight: number;

  constructor(releases: number) {
    this.weight = weightOfFirst(releases);
  }

  probability(still: number, changed: number): number {
    return (prior * (1 - still) + (weightOf[changed] ?? 0)) / (prior + this.weight);
  }

  private expected(still: number, changed: number, size: number): number {
    return this.probability(still, changed) * (size + request);
  }

  merging(a: Cluster, b: Cluster): number {
    const together = this.expected(a.still * b.still, a.changed | b.changed, a.size + b.size);
    const apart = this.expected(a.still, a.changed, a.size) + this.expected(b.still, b.changed, b.size);
    return horizon * (together - apart) + (a.clean ? a.size : 0) + (b.clean ? b.size : 0);
  }
}

export function union(a: Cluster, b: Cluster): Cluster {
  const components = [...a.components, ...b.components].sort();
  return {
    name: components[0] ?? a.name,
    components,
    size: a.size + b.size,
    still: a.still * b.still,
    changed: a.changed | b.changed,
    clean: false,
    place: -1,
    best: -1,
    cost: Number.POSITIVE_INFINITY,
  };
}

/** Merges the cheapest pair, and yields after each step. Clusters remember their best partner, and look again only without it. */
export function* mergeDown(clusters: Cluster[], limit: number, costs: Costs): Generator<void, Cluster[], void> {
  const all: (Cluster | undefined)[] = clusters;
  let count = all.length;
  const look = (i: number) => {
    const a = all[i];
    if (!a) return;
    a.best = -1;
    a.cost = Number.POSITIVE_INFINITY;
    for (let j = i + 1; j < all.length; j++) {
      const b = all[j];
      if (!b) continue;
      const cost = costs.merging(a, b);
      if (cost < a.cost) {
        a.cost = cost;
        a.best = j;
      }
    }
  };
  for (let i = 0; i < all.length; i++) {
    look(i);
    yield;
  }
  while (count > 1) {
    yield;
    let at = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const [i, c] of all.entries())
      if (c && c.cost < least) {
        least = c.cost;
        at = i;
      }
    const a = all[at];
    const other = a?.best ?? -1;
    const b = all[other];
    if (!a || !b || (count <= limit && least >= 0)) break;
    all[at] = undefined;
    const joined = union(a, b);
    all[other] = joined;
    count--;
    look(other);
    for (let i = 0; i < other; i++) {
      const c = all[i];
      if (!c) continue;
      if (c.best === at || c.best === other) look(i);
      else {
        const cost = costs.merging(c, joined);
        if (cost < c.cost) {
          c.cost = cost;
          c.best = other;
        }
      }
    }
  }
  return all.filter((c) => c !== undefined);
}
