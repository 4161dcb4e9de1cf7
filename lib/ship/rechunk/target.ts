import { basename, dirname } from "node:path";
import type { Family, Flavor, Target } from "../../family/family.ts";
import type { LayerPacking } from "../../layers/layer-tar.ts";
import { openLayout } from "../../oci/layout.ts";
import { openImage } from "../../oci/source.ts";
import { localImages } from "../../oci/storage.ts";
import { exit, Failure } from "../../system/errors.ts";
import { statePath } from "../../system/project.ts";
import { commandLine, quote } from "../../system/shell.ts";
import type { Progress, Step } from "../../system/steps.ts";
import { withWorkFolder } from "../../system/work-folder.ts";
import { packingOf } from "../packing.ts";
import { beside, chunkahWords, chunkahWriter } from "./chunkah.ts";
import { pullFolder } from "./load.ts";
import { findPrevious } from "./previous.ts";
import { type Rechunked, rechunk } from "./rechunk.ts";

export interface RechunkWish {
  layers: number;
  prune: string[];
  tags: boolean;
  previous: string | undefined;
  /** chunkah's image, where it is to write the layers. */
  chunkah: string | undefined;
  packing: (flavor: Flavor) => LayerPacking;
  /** Flavors on which others are built. */
  bases: ReadonlySet<string>;
}

/** podman before 4.4 mounts at most 128 layers ("max depth exceeded"): what others are built on leaves half of them to those. */
const mostOfBase = 64;

/** How many layers a target may get. */
export function layersOf({ flavor }: Pick<Target, "flavor">, { layers, bases }: RechunkWish): number {
  return bases.has(flavor.name) ? Math.min(layers, mostOfBase) : layers;
}

/** What a wish means to `rechunk`. */
function optionsOf({ layers, prune, tags, chunkah }: RechunkWish) {
  if (chunkah === undefined) return { layers, prune, tags };
  return { layers: Math.max(1, layers - beside), prune, tags, writer: chunkahWriter(chunkah) };
}

export interface Done extends Rechunked {
  name: string;
  /** The oci folder. */
  folder: string;
  previous: string;
  /** The image's id in podman's storage, if it was loaded. */
  id: string | undefined;
  seconds: number;
}

/** Where a target's rechunked image lies. */
export function imageFolder(reference: string): string {
  return statePath("images", basename(reference).replace(":", "-"));
}

/** Puts the folder's image into podman's storage under its name. The image that has the name keeps it until then. */
async function load(folder: string, reference: string, progress: Progress): Promise<string> {
  const { manifest } = openLayout(folder);
  const id = manifest.config.digest.slice("sha256:".length);
  const now = (await localImages()).get(reference);
  return now?.id === id ? id : pullFolder(folder, reference, progress.log);
}

async function rechunkTarget(target: Target, wish: RechunkWish, progress: Progress): Promise<Done> {
  const { reference } = target;
  const began = performance.now();
  const known = (await localImages()).get(reference);
  if (!known)
    throw new Failure(exit.failed, `${reference} is not in podman's storage`, {
      next: "build it first: bun run build",
    });
  return withWorkFolder(async (work) => {
    progress.now("reading it from podman's storage");
    const image = await openImage(reference, { work, log: progress.log });
    const folder = imageFolder(reference);
    const { memory, from } = await findPrevious(image, reference, folder, wish.previous, work);
    const done = await rechunk(image, folder, {
      ...optionsOf({ ...wish, layers: layersOf(target, wish) }),
      packing: wish.packing(target.flavor),
      previous: memory,
      work,
      tag: reference,
      now: progress.now,
    });
    progress.now("loading it into podman's storage");
    const id = await load(folder, reference, progress);
    return { ...done, name: reference, folder, previous: from, id, seconds: (performance.now() - began) / 1000 };
  });
}

/** One after the other: each uses all the cores by itself. */
export function rechunkSteps(targets: Target[], wish: RechunkWish): Step<Done>[] {
  return targets.map((target) => ({
    id: target.reference,
    title: `rechunk ${target.reference}`,
    after: [],
    run: (progress) => rechunkTarget(target, wish, progress),
  }));
}

/** Any image, into a folder; nothing is loaded. */
export async function rechunkImage(name: string, folder: string, wish: RechunkWish): Promise<Done> {
  const began = performance.now();
  return withWorkFolder(async (work) => {
    const image = await openImage(name, { work });
    const { memory, from } = await findPrevious(image, undefined, folder, wish.previous, work);
    const done = await rechunk(image, folder, { ...optionsOf(wish), previous: memory, work });
    return { ...done, name, folder, previous: from, id: undefined, seconds: (performance.now() - began) / 1000 };
  });
}

export function wishOf(
  family: Family,
  options: { layers: number; tags: boolean; previous: string | undefined; chunkah?: boolean },
): RechunkWish {
  const { prune, chunkah } = family.rechunk;
  const bases = new Set([...family.flavors.values()].flatMap(({ from }) => from?.name ?? []));
  const packing = (flavor: Flavor) => packingOf(flavor, family);
  return { ...options, prune, bases, packing, chunkah: options.chunkah ? chunkah : undefined };
}

/** What would be run, as a person would type it. */
export function dryLines(target: Target, wish?: RechunkWish): string[] {
  const folder = imageFolder(target.reference);
  return [
    commandLine([
      "podman",
      "save",
      "--quiet",
      "--format",
      "oci-dir",
      "--uncompressed",
      "--output",
      ".slipway/run/…",
      target.reference,
    ]),
    `# its files sorted into new layers, by the plan of docker://${target.reference}, into ${folder}`,
    ...(wish?.chunkah
      ? [
          commandLine([
            "podman",
            ...chunkahWords(wish.chunkah, "ID", ".slipway/run/…", "EPOCH", layersOf(target, wish)),
          ]),
        ]
      : []),
    `(cd ${quote(dirname(folder))} && ${commandLine(["podman", "pull", "--quiet", `oci:${basename(folder)}`])})`,
    `podman tag ID ${target.reference}`,
  ];
}
