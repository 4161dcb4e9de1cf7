/**
 * What updates cost, measured on real pairs: a Debian 12 with a desktop's packages as it was released, and the same with its
 * security and point updates, in five steps. The steps are split by source package; what a browser or a kernel is, is in
 * every step, to and fro between its two versions.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLayout } from "../oci/layout.ts";
import { openImage } from "../oci/source.ts";
import { delta } from "../ship/delta.ts";
import { type Memory, type Plan, plan } from "../ship/rechunk/plan.ts";
import { decodeMemory, planAnnotation } from "../ship/rechunk/plan-annotation.ts";
import { type Rechunked, rechunk } from "../ship/rechunk/rechunk.ts";
import { bytes } from "../system/output.ts";
import { toolRoot } from "../system/project.ts";
import type { Figure } from "./build.ts";
import { manyFiles } from "./many.ts";
import { peakOf } from "./measure.ts";
import { home, kernelsOf, makePairs, otherKernels, steps } from "./pairs.ts";

const manyCount = 500_000;
const prunes = ["/var/cache/", "/var/log/", "/tmp/", "/var/tmp/", "/boot/"];

interface Release extends Rechunked {
  folder: string;
  seconds: number;
}

async function release(
  step: number,
  previous: Memory | undefined,
  folder: string,
  kernels: string[],
): Promise<Release> {
  const work = mkdtempSync(join(folder, "work-"));
  const began = performance.now();
  try {
    const image = await openImage(`oci:${join(home(), `o${step}`)}`, { work });
    const to = join(folder, `r${step}`);
    const prune = [...prunes, ...otherKernels(step, kernels)];
    const done = await rechunk(image, to, { layers: 128, prune, tags: false, previous, work });
    return { ...done, folder: to, seconds: (performance.now() - began) / 1000 };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function memoryIn(folder: string): Memory | undefined {
  return decodeMemory(openLayout(folder).manifest.annotations?.[planAnnotation]);
}

const percent = (part: number, whole: number) => (whole ? (part / whole).toFixed(2) : "–");

/** The command itself, in a process of its own. */
async function memory(what: string, image: string, folder: string): Promise<Figure> {
  const to = join(folder, "memory");
  const script = join(toolRoot, "scripts/rechunk.ts");
  const peak = await peakOf([process.execPath, script, "--image", `oci:${image}`, "--to", to, "--previous", "none"]);
  rmSync(to, { recursive: true, force: true });
  return { what, figure: `${(peak / 1e6).toFixed(0)} MB`, goal: "300 MB", beside: "–" };
}

/** Bytes, unpacked, of components that are other than before. */
function changedSize(before: Rechunked, after: Rechunked): number {
  const had = new Map(before.components.map((c) => [c.name, c.digest]));
  return after.components.reduce((sum, c) => sum + (had.get(c.name) === c.digest ? 0 : c.size), 0);
}

function downloadOf(before: Rechunked, after: Rechunked): { packed: number; plain: number; layers: number } {
  const had = new Set(before.layers.map((l) => l.digest));
  const fresh = after.layers.filter((l) => !had.has(l.digest));
  return {
    packed: fresh.reduce((sum, l) => sum + l.size, 0),
    plain: fresh.reduce((sum, l) => sum + l.plainSize, 0),
    layers: fresh.length,
  };
}

/** What plans made anew each time have to download: layers of other components than before, or with a changed one. */
function forgetful(old: Plan, fresh: Plan, before: Rechunked, after: Rechunked): number {
  const had = new Map(before.components.map((c) => [c.name, c.digest]));
  const dirty = new Set(after.components.filter((c) => had.get(c.name) !== c.digest).map((c) => c.name));
  const known = new Set(old.layers.map((l) => l.components.join(" ")));
  const isFresh = (components: string[]) =>
    !known.has(components.join(" ")) || components.some((name) => dirty.has(name));
  return fresh.layers.reduce((sum, l) => sum + (isFresh(l.components) ? l.size : 0), 0);
}

/** As few tags as people write by hand: sources by the alphabet, in groups of the same number. */
function coarse(before: Rechunked, after: Rechunked, groups: number): number {
  const group = new Map(after.components.map((c, i, all) => [c.name, Math.floor((i * groups) / all.length)]));
  const had = new Map(before.components.map((c) => [c.name, c.digest]));
  const dirty = new Set(after.components.filter((c) => had.get(c.name) !== c.digest).map((c) => group.get(c.name)));
  return after.components.reduce((sum, c) => sum + (dirty.has(group.get(c.name)) ? c.size : 0), 0);
}

/** @returns one line a step, and the figures of speed and memory. */
export async function rechunks(): Promise<Figure[]> {
  await makePairs();
  const folder = process.env.SLIPWAY_BENCH_WORK ?? mkdtempSync(join(tmpdir(), "slipway-bench-"));
  const cpu = process.cpuUsage();
  const figures: Figure[] = [];
  try {
    const kernels = await kernelsOf(folder);
    const first = await release(0, undefined, folder, kernels);
    const spent = process.cpuUsage(cpu);
    const total = first.components.reduce((sum, c) => sum + c.size, 0);
    const cores = (spent.user + spent.system) / 1e6 / 2;
    figures.push({
      what: `reading and writing an image of ${bytes(first.input)}, ${first.components.length} components`,
      figure: `${(first.input / 1e6 / first.seconds).toFixed(0)} MB/s`,
      goal: "150 MB/s",
      beside: `its processor time on two idle cores: ${(first.input / 1e6 / cores).toFixed(0)} MB/s`,
    });
    const many = join(folder, "many");
    manyFiles(many, manyCount);
    figures.push(await memory(`memory at the peak, the whole process, that image`, join(home(), "o0"), folder));
    figures.push(await memory(`memory at the peak, ${manyCount} small files in one layer`, many, folder));
    rmSync(many, { recursive: true, force: true });
    const again = await release(0, memoryIn(first.folder), folder, kernels); // in the place of the first: it is the same
    const same = downloadOf(first, again);
    figures.push({
      what: "the same image again",
      figure: `${first.layers.length - same.layers} of ${first.layers.length} layers the same`,
      goal: "all",
      beside: "–",
    });
    let before = first;
    let anew = first.plan;
    for (let step = 1; step <= steps; step++) {
      const now = await release(step, memoryIn(before.folder), folder, kernels);
      const fresh = plan(now.components, 128, 0);
      const [wanted, got, without] = [
        changedSize(before, now),
        downloadOf(before, now),
        forgetful(anew, fresh, before, now),
      ];
      const work = mkdtempSync(join(folder, "delta-"));
      const open = (name: string) => openImage(`oci:${name}`, { work });
      const { floor = 0 } = await delta(await open(before.folder), await open(now.folder), { work, quick: false });
      rmSync(work, { recursive: true, force: true });
      figures.push({
        what: `update ${step}: ${((wanted / total) * 100).toFixed(0)} % of the bytes are of packages that changed; ${bytes(got.packed)} to download`,
        figure: `${percent(wanted, got.plain)} by package, ${percent(floor, got.packed)} by file`,
        goal: "0.8",
        beside: `without memory ${percent(wanted, without)}; 24 coarse tags ${percent(wanted, coarse(before, now, 24))}; podman's own single layer ${percent(wanted, total)}`,
      });
      if (before !== first) rmSync(before.folder, { recursive: true, force: true });
      before = now;
      anew = fresh;
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
