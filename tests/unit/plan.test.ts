import { describe, expect, test } from "bun:test";
import type { Component } from "../../lib/ship/rechunk/components.ts";
import { type Memory, type Plan, plan } from "../../lib/ship/rechunk/plan.ts";
import { decodeMemory, encodeMemory } from "../../lib/ship/rechunk/plan-annotation.ts";
import { random } from "../support/tars.ts";

const epoch = 1_700_000_000;
const MB = 1_000_000;

function component(name: string, size: number, guess = 0.05): Component {
  return { name, size, guess, digest: `${name}-0` };
}

/** An image of many components, few of them big, as real ones are. */
function image(count: number, seed = 7): Component[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const big = next(10) === 0;
    return component(`p${String(i).padStart(4, "0")}`, (big ? 20 * MB : 300_000) + next(MB), (1 + next(20)) / 100);
  });
}

/** The image with some components changed. */
function changed(components: Component[], names: Set<string>, release: number): Component[] {
  return components.map((c) => (names.has(c.name) ? { ...c, digest: `${c.name}-${release}` } : c));
}

const sets = (p: Plan) => p.layers.map((l) => l.components.join(" "));
const all = (p: Plan) => p.layers.flatMap((l) => l.components).sort();
const download = (p: Plan) => p.layers.filter((l) => !l.kept).reduce((sum, l) => sum + l.size, 0);
const sizeOf = (components: Component[], names: Set<string>) =>
  components.reduce((sum, c) => sum + (names.has(c.name) ? c.size : 0), 0);

describe("the first plan", () => {
  test("every component is in one layer, and there are no more than the limit", () => {
    const components = image(500);
    const first = plan(components, 128, epoch);
    expect(first.layers.length).toBe(128);
    expect(all(first)).toEqual(components.map((c) => c.name));
  });

  test("the big ones are alone, the small ones together", () => {
    const first = plan(
      [component("big", 900 * MB), component("huge", 999 * MB), ...image(50).map((c) => ({ ...c, size: 1000 }))],
      5,
      epoch,
    );
    expect(sets(first)).toContain("big");
    expect(sets(first)).toContain("huge");
  });

  test("what changes often is not put with what hardly ever does", () => {
    const components = [...Array(4)].flatMap((_, i) => [
      component(`hot${i}`, 10 * MB, 0.8),
      component(`cold${i}`, 10 * MB, 0.01),
    ]);
    for (const layer of plan(components, 2, epoch).layers)
      expect(new Set(layer.components.map((name) => name.slice(0, 3))).size).toBe(1);
  });

  test("the order in which components come does not matter", () => {
    const components = image(200);
    expect(plan([...components].reverse(), 40, epoch)).toEqual(plan(components, 40, epoch));
  });

  test("fewer components than layers: each has its own, but for what is too small for a request", () => {
    expect(plan(image(10), 128, epoch).layers.length).toBe(10);
    const tiny = [component("a", 100, 0.5), component("b", 100, 0.5)];
    expect(plan(tiny, 128, epoch).layers.length).toBe(1);
  });
});

describe("with memory", () => {
  const components = image(400);
  const first = plan(components, 64, epoch);

  test("an unchanged image has the same plan and the same memory, whatever the clock says", () => {
    const again = plan(components, 64, epoch + 9_999_999, first.memory);
    expect(sets(again)).toEqual(sets(first));
    expect(again.memory).toEqual(first.memory);
    expect(again.layers.every((l) => l.kept)).toBe(true);
  });

  test("one changed component opens its layer, and others only to a small part", () => {
    const next = plan(changed(components, new Set(["p0003"]), 1), 64, epoch, first.memory);
    const own = first.layers.find((l) => l.components.includes("p0003"));
    const opened = next.layers.filter((l) => !l.kept).flatMap((l) => l.components);
    expect(opened).toEqual(expect.arrayContaining(own?.components ?? []));
    expect(download(next)).toBeLessThan((own?.size ?? 0) * 1.5);
    expect(next.layers.filter((l) => l.kept).length).toBeGreaterThanOrEqual(61);
  });

  test("a second plan from the new memory changes nothing", () => {
    const after = changed(components, new Set(["p0003", "p0100", "p0200"]), 1);
    const next = plan(after, 64, epoch, first.memory);
    const again = plan(after, 64, epoch, next.memory);
    expect(sets(again)).toEqual(sets(next));
    expect(again.layers.every((l) => l.kept)).toBe(true);
  });

  test("a new component joins what is downloaded anyway", () => {
    const some = new Set(["p0003"]);
    const without = plan(changed(components, some, 1), 64, epoch, first.memory);
    const next = plan([...changed(components, some, 1), component("new", 3 * MB)], 64, epoch, first.memory);
    expect(download(next)).toBeLessThanOrEqual(download(without) + 4 * MB);
  });

  test("a new component alone costs the least that there is to open", () => {
    const next = plan([...components, component("new", 3 * MB)], 64, epoch, first.memory);
    expect(next.layers.length).toBe(64);
    expect(next.layers.filter((l) => l.kept).length).toBeGreaterThanOrEqual(62);
    expect(all(next)).toContain("new");
  });

  test("a component that goes takes only its layer with it", () => {
    const next = plan(
      components.filter((c) => c.name !== "p0003"),
      64,
      epoch,
      first.memory,
    );
    expect(all(next)).not.toContain("p0003");
    const opened = first.layers.find((l) => l.components.includes("p0003"));
    expect(next.layers.filter((l) => !l.kept).flatMap((l) => l.components).length).toBe(
      (opened?.components.length ?? 0) - 1,
    );
  });

  test("a lower limit merges the layers that cost least, and keeps the others", () => {
    const next = plan(components, 60, epoch, first.memory);
    expect(next.layers.length).toBe(60);
    expect(next.layers.filter((l) => l.kept).length).toBeGreaterThanOrEqual(56);
  });

  test("a higher limit is used where something changes, and opens nothing else", () => {
    const next = plan(components, 128, epoch, first.memory);
    expect(sets(next)).toEqual(sets(first));
    const shared = first.layers.find((l) => l.components.length > 3);
    const after = plan(changed(components, new Set(shared?.components.slice(0, 1)), 1), 128, epoch, first.memory);
    expect(after.layers.length).toBeGreaterThan(64);
    expect(after.layers.filter((l) => l.kept).length).toBe(63);
  });

  test("what changes together again and again comes to share layers", () => {
    const base = [...Array(60)].map((_, i) => component(`q${String(i).padStart(2, "0")}`, 2 * MB, 0.05));
    const together = new Set(["q05", "q17", "q29", "q41"]);
    let memory: Memory | undefined;
    let last = plan(base, 12, epoch);
    for (let release = 1; release <= 4; release++) {
      memory = last.memory;
      last = plan(changed(base, together, release), 12, epoch, memory);
    }
    expect(sets(last)).toContain("q05 q17 q29 q41");
    expect(download(last)).toBe(8 * MB);
  });

  test("over a chain of releases it does not sink, and beats a plan made anew each time", () => {
    const next = random(3);
    const base = image(300, 11);
    let now = base;
    let last = plan(now, 128, epoch);
    let withMemory = 0;
    let anew = 0;
    let floor = 0;
    const efficiencies: number[] = [];
    for (let release = 1; release <= 6; release++) {
      const some = new Set(base.filter((c) => next(1000) < c.guess * 1000).map((c) => c.name));
      now = changed(now, some, release);
      const planned = plan(now, 128, epoch, last.memory);
      const wanted = sizeOf(now, some);
      efficiencies.push(wanted / download(planned));
      withMemory += download(planned);
      floor += wanted;
      // A plan that learns from the same past but does not know the layers that machines have.
      const guesses = now.map((c) => ({ ...c, guess: some.has(c.name) ? 0.5 : c.guess }));
      const fresh = plan(guesses, 128, epoch);
      const had = new Set(last.layers.map((l) => l.components.join(" ")));
      anew += fresh.layers
        .filter((l) => !had.has(l.components.join(" ")) || l.components.some((n) => some.has(n)))
        .reduce((s, l) => s + l.size, 0);
      last = planned;
    }
    expect(withMemory).toBeLessThan(anew);
    expect(floor / withMemory).toBeGreaterThan(0.5);
    expect(efficiencies.slice(3).reduce((a, b) => a + b, 0)).toBeGreaterThan(
      efficiencies.slice(0, 3).reduce((a, b) => a + b, 0) * 0.9,
    );
  });
});

describe("the memory in an annotation", () => {
  test("comes back as it was", () => {
    let memory = plan(image(300), 64, epoch).memory;
    for (let release = 1; release <= 20; release++)
      memory = plan(changed(image(300), new Set([`p00${10 + release}`, "p0001"]), release), 64, epoch, memory).memory;
    expect(decodeMemory(encodeMemory(memory))).toEqual(memory);
  });

  test("names with blanks, percent signs and letters of all kinds", () => {
    const names = ["file/a b", "file/100%", "file/ü\n\t", "rest/"];
    const { memory } = plan(
      names.map((n) => ({ ...component(n, 1), digest: "d" })),
      8,
      epoch,
    );
    expect(decodeMemory(encodeMemory(memory))).toEqual(memory);
  });

  test("a thousand components stay below 30 kB", () => {
    expect(encodeMemory(plan(image(1000), 128, epoch).memory).length).toBeLessThan(30_000);
  });

  test.each([
    undefined,
    "",
    "no base64!",
    Buffer.from("nor zstd").toString("base64"),
    Bun.zstdCompressSync("9 1 1\nx").toString("base64"),
    Bun.zstdCompressSync("1 5 1\nbroken").toString("base64"),
  ])("what is none of ours is no memory (%p)", (text) => {
    expect(decodeMemory(text)).toBeUndefined();
  });
});
