import { type Family, lineage, type Target } from "../family/family.ts";
import { target as makeTarget } from "../family/target.ts";
import { type LocalImage, layerCount, localImages } from "../oci/storage.ts";
import { commandLine } from "../system/shell.ts";
import type { Progress, Step } from "../system/steps.ts";
import { localDebian } from "../tools/debian-image.ts";
import { bootstrapArguments } from "../tools/debian-root.ts";
import { pinned, readPins } from "../tools/pins.ts";
import { podmanEnv } from "../tools/podman.ts";
import { labelOf } from "../trust/facts.ts";
import { ensureBase, localBase } from "./base.ts";
import { buildImage, imageLabels, type Job, shownCommand, writeContainerfile } from "./containerfile/containerfile.ts";
import { ensureContext } from "./containerfile/context.ts";
import { contextUse, firstUnknown } from "./containerfile/context-use.ts";
import { refuseTooDeep } from "./containerfile/depth.ts";
import {
  baseImageName,
  baseReference,
  expand,
  expandLines,
  recipePath,
  refreshArg,
  textOf,
} from "./containerfile/expand.ts";
import { givenArgs } from "./containerfile/given-args.ts";
import { parseContainerfile } from "./containerfile/instructions.ts";
import { withMounts } from "./containerfile/mounts.ts";
import { type BuildOptions, decide, keyLabel } from "./decide.ts";
import type { Origin } from "./epoch.ts";
import { inputKey } from "./inputs.ts";
import { knownRefresh, newRefresh, type Refresh, rememberRefresh } from "./refresh.ts";

/** What became of a target. */
export interface Built {
  target: Target;
  action: "built" | "skipped";
  why: string;
  id: string;
  layers: number;
  /** Bytes. */
  size: number;
}

/** A target as it would be built right now. */
export interface Plan {
  target: Target;
  build: boolean;
  why: string;
  refresh: Refresh;
  job: Job;
}

/** Named targets with the bases that they stand on, a base first. */
export function withBases(targets: Target[], family: Family): Target[] {
  const wanted = new Map<string, Target>();
  for (const t of targets)
    for (const flavor of lineage(t.flavor).reverse()) {
      const one = makeTarget(family, t.arch, flavor);
      if (!wanted.has(one.reference)) wanted.set(one.reference, one);
    }
  return [...wanted.values()];
}

/** What is looked at to plan a target. */
export interface Situation {
  /** Its base image; undefined while that is still to be made. */
  base: { name: string; image: LocalImage } | undefined;
  /** Its own image, if there is one. */
  image: LocalImage | undefined;
  origin: Origin;
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * The Containerfile that podman gets, but for its labels. It builds by itself with `podman build -f FILE .` at the project's root.
 * @throws Failure for a recipe that cannot be expanded
 */
export function containerfileOf(target: Target, family: Family, args: Record<string, string>): string {
  return textOf(withMounts(expandLines(target, family), family.root, args));
}

/** Everything about one target, decided; reads only the project's files. */
export function planTarget(target: Target, family: Family, at: Situation, options: BuildOptions): Plan {
  const { base, image, origin, now } = at;
  const realBase = baseReference(target, family);
  const lines = expandLines(target, family);
  const given = givenArgs(textOf(lines), family);
  const madeFrom = ({ stamp }: Refresh) => {
    const args = {
      ...(base && base.name !== realBase ? { BASE: base.name } : {}),
      ...given,
      ...(stamp ? { [refreshArg]: stamp } : {}),
    };
    const containerfile = textOf(withMounts(lines, family.root, args));
    return { args, containerfile, key: base && inputKey(target, family, { containerfile, args, base: base.image.id }) };
  };

  const known = knownRefresh(target.reference, image?.labels[labelOf.refresh], now);
  const stale = (now - known.at) / 1000 > family.refreshAfter;
  const before = madeFrom(known);
  const uses = contextUse(parseContainerfile(lines), before.args);
  const unknown = firstUnknown(uses, recipePath(target));
  const { build, why } = decide({ image, key: before.key, unknown, stale }, options);
  // A first build takes today's packages. It gets a stamp only on request, so that two builds without one are equal.
  const anew = options.refresh || (image && stale) || (options.dated && !known.stamp);
  const refresh = build && anew ? newRefresh(now) : known;
  const { args, containerfile, key } = refresh === known ? before : madeFrom(refresh);
  const labels = {
    ...imageLabels(target, family, origin, { name: base?.name ?? realBase, digest: base?.image.digest }, refresh.stamp),
    ...(base ? { [keyLabel]: key ?? "" } : {}),
  };
  const job: Job = { target, containerfile, args, labels, origin, noCache: options.noCache };
  return { target, build, why, refresh, job };
}

/** The image that a target stands on, if it is in podman's storage. */
function baseOf(target: Target, family: Family, images: Map<string, LocalImage>): Situation["base"] {
  if (!target.flavor.from) return localBase(target.arch, images, readPins(family.root));
  const name = baseReference(target, family);
  const image = images.get(name);
  return image && { name, image };
}

/** Bases that nobody named are built only when they are missing or out of date. */
function optionsFor(target: Target, named: Target[], options: BuildOptions): BuildOptions {
  if (named.some((t) => t.reference === target.reference)) return options;
  return { force: false, refresh: false, noCache: false };
}

/** What a build would do now, in order; what is compiled for it is compiled. */
export async function planBuild(
  named: Target[],
  family: Family,
  images: Map<string, LocalImage>,
  options: BuildOptions,
  origin: Origin,
): Promise<Plan[]> {
  const anew = new Set<string>();
  const targets = withBases(named, family);
  for (const target of targets) await ensureContext(expand(target, family), family);
  return targets.map((target) => {
    const base = anew.has(baseReference(target, family)) ? undefined : baseOf(target, family, images);
    const at = { base, image: images.get(target.reference), origin, now: Date.now() };
    const plan = planTarget(target, family, at, optionsFor(target, named, options));
    if (plan.build) anew.add(target.reference);
    return plan;
  });
}

/** A step that builds a target. */
export interface BuildStep extends Step<Built> {
  target: Target;
  /** The reference of the flavor that it stands on. */
  base: string | undefined;
}

/** One step a target; each decides when its turn comes, by what its base has become. */
export function buildSteps(named: Target[], family: Family, options: BuildOptions, origin: Origin): BuildStep[] {
  return withBases(named, family).map((target) => {
    const base = target.flavor.from ? baseReference(target, family) : undefined;
    return {
      target,
      base,
      id: target.reference,
      title: `build ${target.reference}`,
      after: base === undefined ? [] : [base],
      run: (progress) => buildTarget(target, family, optionsFor(target, named, options), origin, progress),
    };
  });
}

/** The same for a reader of a longer line, in a few words and as facts. */
export function toldBuilds(steps: BuildStep[]) {
  return steps.map(({ target, base, run }) => ({
    target,
    base,
    run: async (progress: Progress) => {
      const { action, why, id, size } = await run(progress);
      return { said: action, facts: { action, why, id, bytes: size } };
    },
  }));
}

async function buildTarget(
  target: Target,
  family: Family,
  options: BuildOptions,
  origin: Origin,
  progress: Progress,
): Promise<Built> {
  await ensureContext(expand(target, family), family, progress);
  const images = await localImages();
  const base = target.flavor.from
    ? baseOf(target, family, images)
    : await ensureBase(target.arch, images, readPins(family.root), progress);
  const at = { base, image: images.get(target.reference), origin, now: Date.now() };
  const plan = planTarget(target, family, at, options);
  if (plan.build) {
    if (base) await refuseTooDeep(target, plan.job.containerfile, base.name);
    await buildImage(plan.job, family, progress);
  }
  rememberRefresh(target.reference, plan.refresh);
  const image = plan.build ? (await localImages()).get(target.reference) : at.image;
  return {
    target,
    action: plan.build ? "built" : "skipped",
    why: plan.why,
    id: image?.id ?? "",
    size: image?.size ?? 0,
    layers: await layerCount(target.reference),
  };
}

/** The command lines that a plan stands for, as a person would type them at the project's root. */
export async function planCommands({ build, target, job }: Plan, family: Family): Promise<string[]> {
  if (!build) return [];
  const baseIsThere = job.labels[keyLabel] !== undefined;
  const fetch = target.flavor.from || baseIsThere ? [] : baseCommands(target, family);
  writeContainerfile(job);
  return [...fetch, commandLine(shownCommand(job, family), await podmanEnv())];
}

function baseCommands({ arch }: Target, { root }: Family): string[] {
  const pull = `podman pull ${pinned(baseImageName(arch), readPins(root))}`;
  if (!("debian" in arch.base)) return [pull];
  const suite = arch.base.debian;
  return [
    pull,
    "# where no registry answers, these two instead, and --build-arg of the base that they make:",
    `# ${commandLine(["mmdebstrap", ...bootstrapArguments(suite), suite, "debian.tar"])}`,
    `# podman import debian.tar ${localDebian(suite)}    BASE=${localDebian(suite)}`,
  ];
}
