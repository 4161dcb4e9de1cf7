import { type Family, lineage, type Target } from "../family/family.ts";
import { target as makeTarget } from "../family/target.ts";
import { imageShape, type LocalImage, localImages } from "../oci/storage.ts";
import { exit, Failure } from "../system/errors.ts";
import type { Progress, Step } from "../system/steps.ts";
import { labelOf } from "../trust/facts.ts";
import { builderOf } from "./all.ts";
import { lookAtBase, refuseOtherImage } from "./architecture.ts";
import { baseReference } from "./base-name.ts";
import type { Job } from "./builder.ts";
import { type BuildOptions, decide, keyLabel } from "./decide.ts";
import type { Origin } from "./epoch.ts";
import { baseCommands, baseName, ensureSources, fetchNewerSources, localSources, type Sources } from "./images.ts";
import { inputKey } from "./inputs.ts";
import { imageLabels } from "./labels.ts";
import { knownRefresh, newRefresh, type Refresh, rememberRefresh } from "./refresh.ts";
import { claimRoom } from "./room.ts";

/** From targets to images: what is the same for every builder. */

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
  /** Newer packages are wanted, and not only what changed. */
  anew: boolean;
  job: Job;
}

/** Named targets with the flavors that they are based on, a base first. */
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
export interface Situation extends Omit<Sources, "others"> {
  others?: string[];
  /** Its own image, if there is one. */
  image: LocalImage | undefined;
  origin: Origin;
  /** Milliseconds since 1970. */
  now: number;
}

/** Everything about one target, decided; reads only the project's files. */
export function planTarget(target: Target, family: Family, at: Situation, options: BuildOptions): Plan {
  const { base, image, origin, now, others = [] } = at;
  const wanted = baseName(target, family);
  const isKnown = !!base || wanted === undefined;
  const draftOf = builderOf(target).read(target, family);
  const madeFrom = ({ stamp }: Refresh) => {
    const draft = draftOf({ base, stamp, others });
    return { draft, key: isKnown ? inputKey(target, family, base?.image.id ?? "", draft) : undefined };
  };

  const known = knownRefresh(target, image?.labels[labelOf.refresh], now);
  const stale = (now - known.at) / 1000 > family.refreshAfter;
  const before = madeFrom(known);
  const { build, why } = decide({ image, key: before.key, unknown: before.draft.unknown, stale }, options);
  // A first build takes today's packages. It gets a stamp only on request, so that two builds without one are equal.
  const anew = options.refresh || (image && stale) || (options.dated && !known.stamp);
  const refresh = build && anew ? newRefresh(now) : known;
  const { draft, key } = refresh === known ? before : madeFrom(refresh);
  const from = wanted === undefined ? undefined : { name: base?.name ?? wanted, digest: base?.image.digest };
  const labels = {
    ...imageLabels(target, family, origin, from, refresh.stamp),
    ...(isKnown ? { [keyLabel]: key ?? "" } : {}),
  };
  const job: Job = { target, draft, base, labels, origin, noCache: options.noCache };
  return { target, build, why, refresh, anew: refresh !== known, job };
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
  for (const target of targets) await builderOf(target).prepare(target, family);
  return targets.map((target) => {
    const { base, others } = localSources(target, family, images);
    const known = anew.has(baseName(target, family) ?? "") ? undefined : base;
    const at = { base: known, others, image: images.get(target.reference), origin, now: Date.now() };
    const plan = planTarget(target, family, at, optionsFor(target, named, options));
    if (plan.build) anew.add(target.reference);
    return plan;
  });
}

/** A step that builds a target. */
export interface BuildStep extends Step<Built> {
  target: Target;
  /** The reference of the flavor that it is based on. */
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
  const builder = builderOf(target);
  await builder.prepare(target, family, progress);
  const images = await localImages();
  const sources = await ensureSources(target, family, images, progress);
  const at = { ...sources, image: images.get(target.reference), origin, now: Date.now() };
  let plan = planTarget(target, family, at, options);
  if (plan.anew && (await fetchNewerSources(target, family, progress))) {
    const newer = localSources(target, family, await localImages());
    plan = { ...planTarget(target, family, { ...at, ...newer }, options), why: plan.why };
  }
  if (plan.build) {
    const { base } = plan.job;
    if (base) await lookAtBase(target, base);
    const ended = await claimRoom(base?.image.size, at.image?.size);
    await builder.build(plan.job, family, progress).finally(ended);
  }
  const image = plan.build ? (await localImages()).get(target.reference) : at.image;
  if (!image)
    throw new Failure(
      exit.failed,
      `${target.reference}: the builder ${builder.name} ended well, but the image is not in podman's storage`,
      { log: progress.log, next: "read the log" },
    );
  if (plan.build) await refuseOtherImage(target, image.id, progress.log);
  rememberRefresh(target, plan.refresh);
  return {
    target,
    action: plan.build ? "built" : "skipped",
    why: plan.why,
    id: image.id,
    size: image.size,
    layers: (await imageShape(image.id)).layers,
  };
}

/** The command lines that a plan stands for, as a person would type them at the project's root. */
export async function planCommands({ build, target, job, anew }: Plan, family: Family): Promise<string[]> {
  if (!build) return [];
  const baseIsThere =
    job.labels[keyLabel] !== undefined && !(anew && builderOf(target).outside(target, family).renewed);
  const fetch = target.flavor.from || baseIsThere ? [] : baseCommands(target, family);
  return [...fetch, ...(await builderOf(target).commands(job, family))];
}
