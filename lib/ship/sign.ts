import type { Family, Target } from "../family/family.ts";
import { RegistryTrouble, tagDigest } from "../oci/skopeo.ts";
import { exit, Failure } from "../system/errors.ts";
import { commandLine } from "../system/shell.ts";
import type { Progress, Step } from "../system/steps.ts";
import { cosignWords, signByKey, signWords, verifyByKey, verifyWords } from "../trust/cosign.ts";
import type { SigningKey } from "../trust/key.ts";
import { type Pushed, pushedOf, repositoryOf } from "./push/pushed.ts";
import { insist, type Patience, patient } from "./retry.ts";

/**
 * Signing, in this order:
 *
 * 1. The digest is the one that `push` remembered, never what a tag stands for.
 * 2. Every tag of that push must still stand for it: somebody who moved one in between gets no signature.
 * 3. What the key has signed already is not signed again.
 * 4. cosign signs, in the form that podman, skopeo and bootc look for; that form is then looked for, and verified.
 *
 * Interface for `release`: `checkKey` before anything is pushed, then `signTarget` for each target.
 */

export interface SignOutcome {
  target: Target;
  /** `repository@sha256:…` */
  image: string;
  action: "signed" | "signed already";
}

/** The tag under which containers/image looks for signatures of a digest. */
export function signatureTag(digest: string): string {
  return `${digest.replace(":", "-")}.sig`;
}

function whatWasPushed(target: Target): Pushed {
  const pushed = pushedOf(target);
  if (pushed?.repository === repositoryOf(target)) return pushed;
  throw new Failure(exit.failed, `${target.reference} was not pushed from here: there is nothing to sign`, {
    tried: [".slipway/state/pushed: only a digest that is written there is signed"],
    next: `bun run push ${target.arch.name} ${target.flavor.name}`,
  });
}

/** @throws Failure where a tag of the push stands for something else by now. */
async function refuseMovedTags(pushed: Pushed, progress: Progress): Promise<void> {
  const found = await Promise.all(
    pushed.tags.map(async (tag) => ({ tag, digest: await tagDigest(`${pushed.repository}:${tag}`, { progress }) })),
  );
  const moved = found.filter(({ digest }) => digest !== pushed.digest);
  if (moved.length === 0) return;
  throw new Failure(exit.failed, `a tag of ${pushed.repository} was moved since the push; nothing was signed`, {
    tried: [
      `pushed: ${pushed.digest}`,
      ...moved.map(({ tag, digest }) => `${tag} now: ${digest ?? "there is no such tag"}`),
    ],
    next: "find out who pushed that; then push again and sign",
  });
}

async function isSigned(image: string, family: Family, progress: Progress): Promise<boolean> {
  const verified = await verifyByKey(image, family, progress);
  if (verified.code !== 0) return false;
  // cosign finds other forms too, which no machine looks for.
  const [repository = "", digest = ""] = image.split("@");
  return (await tagDigest(`${repository}:${signatureTag(digest)}`, { progress })) !== undefined;
}

/**
 * Signs what was pushed of a target.
 * @param key checked by `checkKey`
 * @throws Failure; then nothing new was signed, or (told so) a signature was made that does not verify
 */
export async function signTarget(
  target: Target,
  family: Family,
  key: SigningKey,
  progress: Progress,
  patience: Patience = patient,
): Promise<SignOutcome> {
  const pushed = whatWasPushed(target);
  const image = `${pushed.repository}@${pushed.digest}`;
  const work = async (): Promise<SignOutcome> => {
    progress.now("checking that its tags were not moved");
    await refuseMovedTags(pushed, progress);
    if (await isSigned(image, family, progress)) return { target, image, action: "signed already" };
    progress.now("signing");
    const { code, said } = await signByKey(image, family, key, progress);
    if (code !== 0)
      throw new RegistryTrouble(`${image} could not be signed`, cosignWords(said).join("\n"), progress.log);
    progress.now("verifying the signature");
    if (await isSigned(image, family, progress)) return { target, image, action: "signed" };
    throw new Failure(exit.failed, `${image} was signed, but the signature is not found or does not verify`, {
      tried: [`the tag ${signatureTag(pushed.digest)}`, `cosign verify --key ${family.key}`],
      next: `bun run verify ${target.arch.name} ${target.flavor.name}`,
      log: progress.log,
    });
  };
  return insist(work, patience, progress);
}

/** One step a target. */
export function signSteps(
  targets: Target[],
  family: Family,
  key: SigningKey,
  patience: Patience = patient,
): Step<SignOutcome>[] {
  return targets.map((target) => ({
    id: `sign ${target.reference}`,
    title: `sign ${target.reference}`,
    after: [],
    run: (progress) => signTarget(target, family, key, progress, patience),
  }));
}

/** The command lines that a signing stands for. */
export function signCommands(target: Target, family: Family, flags: string[]): string[] {
  const pushed = whatWasPushed(target);
  const image = `${pushed.repository}@${pushed.digest}`;
  return [
    commandLine(["cosign", ...signWords(image, flags, family.rekor)]),
    commandLine(["cosign", ...verifyWords(image, family.key, family.rekor)]),
  ];
}
