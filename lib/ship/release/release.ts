import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { openLayout } from "../../oci/layout.ts";
import { tagDigest } from "../../oci/skopeo.ts";
import { localImages } from "../../oci/storage.ts";
import { exit, Failure } from "../../system/errors.ts";
import type { Progress, Step } from "../../system/steps.ts";
import { workFolder } from "../../system/work-folder.ts";
import { trustBeforePush } from "../../trust/before-push.ts";
import type { SigningKey } from "../../trust/key.ts";
import { packingOf } from "../packing.ts";
import { isPackedAs } from "../push/compare.ts";
import { type PushOptions, pushTarget } from "../push/push.ts";
import { imageFolder, rechunkSteps, wishOf } from "../rechunk/target.ts";
import { insist } from "../retry.ts";
import { signTarget } from "../sign.ts";
import { verifyTarget } from "../verify.ts";
import type { Card } from "./card.ts";
import { measure } from "./measure.ts";
import { begin, begun } from "./state.ts";

/**
 * A release, per target: build → rechunk → push → sign → verify → delta. A flavor is built when its base is rechunked, because
 * it needs that; else the targets do not wait for each other. Every stage finds out by itself what is done already
 * (the build by its key, rechunk by the image's id, the push by the registry's digests, the signature by verifying it), so a
 * run that was broken off anywhere is run again and goes on; and only a digest that the push has compared is signed.
 */

export const stages = ["build", "rechunk", "push", "sign", "verify", "delta"] as const;
export type Stage = (typeof stages)[number];

/** What became of one stage of one target. */
export interface Outcome {
  stage: Stage;
  reference: string;
  /** In the table. */
  said: string;
  /** In JSON. */
  facts: object;
  /** Of the last stage, once the image is where its machines find it. */
  card?: Card;
}

/** A build, as the caller makes it: building knows nothing of shipping. */
export interface BuildStep {
  target: Target;
  /** The reference of the base, if that is built too. */
  base: string | undefined;
  run(progress: Progress): Promise<{ said: string; facts: object }>;
}

export interface ReleaseOptions {
  /** Undefined: nothing leaves this machine. */
  ship: { key: SigningKey; push: PushOptions } | undefined;
  /** Bytes that a machine may download from the previous release. */
  budget: number | undefined;
}

const id = (stage: Stage, reference: string) => `${stage} ${reference}`;

/** The steps of a release. @param named the targets that are shipped; `builds` may hold bases beside them. */
export function releaseSteps(
  named: Target[],
  builds: BuildStep[],
  family: Family,
  options: ReleaseOptions,
): Step<Outcome>[] {
  const step = (
    stage: Stage,
    target: Target,
    after: string[],
    work: (progress: Progress) => Promise<{ said: string; facts: object; card?: Card }>,
  ): Step<Outcome> => ({
    id: id(stage, target.reference),
    title: id(stage, target.reference),
    after,
    run: async (progress) => ({ stage, reference: target.reference, ...(await work(progress)) }),
  });
  const making = builds.flatMap((build) => {
    const { target, base } = build;
    return [
      step("build", target, base === undefined ? [] : [id("rechunk", base)], (progress) => build.run(progress)),
      step("rechunk", target, [id("build", target.reference)], (progress) => rechunkOnce(target, family, progress)),
    ];
  });
  const { ship, budget } = options;
  if (!ship) return making;
  const shipping = named.flatMap((target) => {
    const after = (stage: Stage) => [id(stage, target.reference)];
    return [
      step("push", target, after("rechunk"), (progress) => push(target, family, ship.push, progress)),
      step("sign", target, after("push"), (progress) => sign(target, family, ship, progress)),
      step("verify", target, after("sign"), (progress) => verify(target, family, progress)),
      step("delta", target, after("verify"), (progress) => measure(target, family, budget, progress)),
    ];
  });
  return [...making, ...shipping];
}

/** Rechunks what is in podman's storage, unless that is what rechunk has made. */
async function rechunkOnce(target: Target, family: Family, progress: Progress) {
  const folder = imageFolder(target.reference);
  const image = (await localImages()).get(target.reference);
  if (image && existsSync(join(folder, "index.json"))) {
    const { manifest } = openLayout(folder);
    const whole = manifest.layers.every(({ digest }) => existsSync(join(folder, "blobs", digest.replace(":", "/"))));
    const isRight = isPackedAs(manifest, packingOf(target.flavor, family));
    if (whole && isRight && manifest.config.digest === `sha256:${image.id}`)
      return {
        said: `${manifest.layers.length} layers`,
        facts: { layers: manifest.layers.length, kept: manifest.layers.length },
      };
  }
  const wish = wishOf(family, { layers: family.rechunk.layers, tags: false, previous: undefined });
  const [step] = rechunkSteps([target], wish);
  if (!step) throw new Failure(exit.failed, `${target.reference}: nothing to rechunk`);
  const { layers } = await step.run(progress);
  const kept = layers.filter((l) => l.kept).length;
  return { said: `${layers.length} layers, ${kept} kept`, facts: { layers: layers.length, kept } };
}

async function push(target: Target, family: Family, options: PushOptions, progress: Progress) {
  await trustBeforePush(target, family, progress.log);
  const standing = () => tagDigest(target.reference, { progress });
  const state =
    begun(target) ??
    begin(target, { day: options.day, previous: (await insist(standing, options.patience, progress)) ?? null });
  const folder = imageFolder(target.reference);
  const {
    action,
    digest,
    tags,
    layers,
    bytes: size,
  } = await pushTarget(target, family, { ...options, day: state.day, folder }, progress);
  return { said: `${action} ${digest.slice(7, 19)}`, facts: { action, digest, tags, layers, bytes: size } };
}

async function sign(target: Target, family: Family, ship: NonNullable<ReleaseOptions["ship"]>, progress: Progress) {
  const { action, image } = await signTarget(target, family, ship.key, progress, ship.push.patience);
  return { said: action, facts: { action, image } };
}

async function verify(target: Target, family: Family, progress: Progress) {
  const work = workFolder();
  try {
    const { checks } = await verifyTarget(target, family, work.path, progress);
    return { said: `${checks.length} checks`, facts: { checks } };
  } finally {
    work.remove();
  }
}
