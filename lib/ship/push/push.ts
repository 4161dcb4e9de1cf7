import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { type Manifest, sha256 } from "../../oci/manifest.ts";
import { openPolicy, RegistryTrouble, rawManifest, skopeo, tagDigest } from "../../oci/skopeo.ts";
import { exit, Failure } from "../../system/errors.ts";
import type { Progress, Step } from "../../system/steps.ts";
import { workFolder } from "../../system/work-folder.ts";
import { needAnswer } from "../answers.ts";
import { packingOf } from "../packing.ts";
import { insist, type Patience, patient } from "../retry.ts";
import { differences, oneManifest } from "./compare.ts";
import { moveTag } from "./move-tag.ts";
import { forgetPushed, type Pushed, pushedOf, rememberPushed, repositoryOf } from "./pushed.ts";
import { imageId, openSource, rechunked, type Source, writeOut } from "./source.ts";
import { dayOf, sendWords, tagsOf } from "./words.ts";

/**
 * A push, in this order:
 *
 * 0. The registry is asked whether it answers: what follows takes minutes.
 * 1. The image becomes an `oci:` folder with compressed layers: the one that rechunk made, or podman's storage written out
 *    (source.ts). A folder, because podman 4.3 is not told a level, loses annotations of layers at a first push, and a skopeo
 *    in the toolbox should not have to read the storage of another podman.
 * 2. skopeo sends the folder under the tag of the day, byte for byte.
 * 3. What the registry has is read back and compared with what was sent; if it differs it is sent once more.
 * 4. Only then the tags that machines follow are moved to that digest, and the digest is remembered for `sign`.
 *
 * So a push that breaks before that leaves the machines' tags where they were. Interface for `release`: `pushTarget`.
 */

export interface PushOptions {
  /** An `oci:` folder to push instead of what is in podman's storage. */
  folder?: string;
  /** Of the tag of the day. */
  day: string;
  patience: Patience;
  /** Send it even if the registry has it already. */
  force: boolean;
}

export interface PushOutcome extends Pushed {
  target: Target;
  action: "pushed" | "there already";
  layers: number;
  /** Compressed bytes of all layers. */
  bytes: number;
}

export function defaultPushOptions(now: Date): PushOptions {
  return { day: dayOf(now), patience: patient, force: false };
}

/** Sends the folder once and reads back what arrived. */
async function send(
  source: Source,
  reference: string,
  folder: string,
  progress: Progress,
): Promise<{ digest: string; there: Manifest; differ: string[] }> {
  const files = { policy: openPolicy(folder), digest: join(folder, "digest") };
  rmSync(files.digest, { force: true });
  const words = sendWords(source.path, reference, files);
  progress.now("sending the layers");
  const { code, said } = await skopeo(words, { progress, mounts: [source.path, folder] });
  if (code !== 0) throw new RegistryTrouble(`${reference} could not be pushed`, said, progress.log);
  const digest = readFileSync(files.digest, "utf8").trim();
  progress.now("reading it back");
  const repository = reference.replace(/:[^/:]*$/, "");
  const text = await rawManifest(`docker://${repository}@${digest}`, { progress });
  const there = oneManifest(text, `${repository}@${digest}`);
  const differ = differences(source.manifest, there);
  if (sha256(text) !== source.digest) differ.push(`the manifest is ${sha256(text)}, sent was ${source.digest}`);
  return { digest, there, differ };
}

/**
 * Pushes the image of a target under its tags and remembers the digest.
 * @throws Failure: the registry was not to be reached, refused, or keeps something else than what was sent; then the tag
 * that machines follow is where it was, and nothing is remembered that could be signed.
 */
export async function pushTarget(
  target: Target,
  family: Family,
  options: PushOptions,
  progress: Progress,
): Promise<PushOutcome> {
  const repository = repositoryOf(target);
  const tags = tagsOf(target, options.day);
  const [dated, ...moving] = tags;
  const packing = packingOf(target.flavor, family);
  const packed = `${packing.compression} ${packing.level}`;
  const work = workFolder();
  const persist = <T>(work: () => Promise<T>) => insist(work, options.patience, progress);
  try {
    const given = options.folder ? openSource(options.folder) : await rechunked(target, packing);
    const image = given ? given.manifest.config.digest : await imageId(target);
    await needAnswer(target.reference, progress);

    const before = pushedOf(target);
    if (
      before &&
      before.image === image &&
      before.packed === packed &&
      tags.every((tag) => before.tags.includes(tag)) &&
      !options.force
    ) {
      const standing = await persist(() =>
        Promise.all(before.tags.map((t) => tagDigest(`${repository}:${t}`, { progress }))),
      );
      if (standing.every((digest) => digest === before.digest)) {
        const there = oneManifest(
          await rawManifest(`docker://${repository}@${before.digest}`, { progress }),
          repository,
        );
        return { ...before, target, action: "there already", ...extent(there) };
      }
    }

    forgetPushed(target);
    const policy = openPolicy(work.path);
    const source = given ?? (await writeOut(target, packing, { folder: work.path, policy }, progress));
    const once = () => persist(() => send(source, `${repository}:${dated}`, work.path, progress));
    let arrived = await once();
    if (arrived.differ.length) arrived = await once();
    if (arrived.differ.length)
      throw new Failure(exit.failed, `${repository}:${dated} is not what was sent, twice; no other tag was moved`, {
        tried: arrived.differ.slice(0, 8),
        next: "compare the registry's and the local manifest: skopeo inspect --raw",
        log: progress.log,
      });

    for (const tag of moving) {
      progress.now(`moving the tag ${tag}`);
      await persist(() => moveTag(repository, arrived.digest, tag, work.path, progress));
    }
    const { digest } = arrived;
    const pushed = {
      repository,
      digest,
      tags: [...moving.toReversed(), dated],
      image,
      packed,
      at: new Date().toISOString(),
    };
    rememberPushed(target, pushed);
    return { ...pushed, target, action: "pushed", ...extent(arrived.there) };
  } finally {
    work.remove();
  }
}

function extent({ layers }: Manifest): { layers: number; bytes: number } {
  return { layers: layers.length, bytes: layers.reduce((sum, { size }) => sum + size, 0) };
}

/** One step a target; none waits for another, since each has a repository of its own. */
export function pushSteps(targets: Target[], family: Family, options: PushOptions): Step<PushOutcome>[] {
  return targets.map((target) => ({
    id: `push ${target.reference}`,
    title: `push ${target.reference}`,
    after: [],
    run: (progress) => pushTarget(target, family, options, progress),
  }));
}
