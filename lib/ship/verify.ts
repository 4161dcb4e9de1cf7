import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../family/family.ts";
import { type Manifest, sha256 } from "../oci/manifest.ts";
import { RegistryTrouble, rawManifest, tagDigest } from "../oci/skopeo.ts";
import { exit, Failure } from "../system/errors.ts";
import type { Progress, Step } from "../system/steps.ts";
import { cosignWords, verifyByKey } from "../trust/cosign.ts";
import { type ShippedTrust, writeOutTrust } from "../trust/shipped.ts";
import { verdict } from "../trust/verdict.ts";
import { needAnswer } from "./answers.ts";
import { newForm } from "./new-form.ts";
import { oneManifest } from "./push/compare.ts";
import { pushedOf, repositoryOf } from "./push/pushed.ts";
import { signatureTag } from "./sign.ts";
import { contentTrouble } from "./verify-content.ts";
import { current, factsAt, unreadable } from "./verify-current.ts";

/**
 * Verification of a target in the registry, as its machines would do it:
 *
 * - manifest: what stands at the tag is what its digest says, and what was pushed from here, if anything was;
 * - content: every blob is fetched, and hashes to its name;
 * - cosign: the family's public key verifies the digest;
 * - policy: containers/image accepts it under the policy and the registries.d that the image itself ships;
 * - unsigned: under that policy an unsigned tag of the same repository is refused. The signature's own tag is one: nobody has
 *   signed it, it is always there, and nothing has to be written into the registry;
 * - current: the image is the one that belongs there now: of this reference, not stale, no older than what was pushed.
 *
 * Interface for `release`: `verifyTarget`.
 */

export const checkNames = ["manifest", "content", "cosign", "policy", "unsigned", "current"] as const;
export type CheckName = (typeof checkNames)[number];

export interface Check {
  name: CheckName;
  /** `left`: not looked at, because of what came before. */
  state: "good" | "bad" | "left";
  /** What is wrong, or what was seen. */
  said: string;
}

export interface VerifyOutcome {
  target: Target;
  digest: string | undefined;
  checks: Check[];
}

/** An image that its machines would refuse, or should have. */
export class NotVerified extends Failure {
  readonly outcome: VerifyOutcome;

  constructor(outcome: VerifyOutcome, log: string) {
    const wrong = outcome.checks.filter(({ state }) => state === "bad");
    super(exit.failed, `${outcome.target.reference} failed verification: machines must not run it`, {
      tried: wrong.map(({ name, said }) => `${name}: ${said}`),
      log,
    });
    this.outcome = outcome;
  }
}

/** The registry did not let us look: no finding about the image. */
function isRegistrys(error: Failure): boolean {
  return error instanceof RegistryTrouble && (error.trouble === "passing" || error.trouble === "denied");
}

/** What was verified of one target so far. */
class Examination {
  readonly checks: Check[] = [];
  constructor(private readonly progress: Progress) {}

  /** Runs one check; its sentence is what was wrong, and what went wrong by itself is wrong too. */
  async check(name: CheckName, doing: string, look: () => Promise<Omit<Check, "name">>): Promise<boolean> {
    this.progress.now(doing);
    const found = await look().catch((error: unknown) => {
      if (!(error instanceof Failure) || isRegistrys(error)) throw error;
      return { state: "bad" as const, said: [error.message, ...(error.details.tried ?? [])].join(": ") };
    });
    this.checks.push({ name, ...found });
    return found.state === "good";
  }

  leave(names: CheckName[], because: string): void {
    for (const name of names) this.checks.push({ name, state: "left", said: because });
  }
}

const good = (said: string) => ({ state: "good" as const, said });
const bad = (said: string) => ({ state: "bad" as const, said });

async function checkManifest(
  target: Target,
  progress: Progress,
): Promise<{ digest: string; manifest: Manifest; state: "good" | "bad"; said: string }> {
  const text = await rawManifest(`docker://${target.reference}`, { progress });
  const digest = sha256(text);
  const manifest = oneManifest(text, target.reference);
  const pushed = pushedOf(target);
  const repository = repositoryOf(target);
  try {
    await rawManifest(`docker://${repository}@${digest}`, { progress });
  } catch (error) {
    // any other answer says nothing about the manifest
    if (!(error instanceof RegistryTrouble) || error.trouble !== "absent") throw error;
    const was = pushed?.repository === repository ? `; pushed was ${pushed.digest}` : "";
    return {
      digest,
      manifest,
      ...bad(
        `the manifest was tampered with: ${target.reference} now has the digest ${digest}, which the registry itself does not know${was}`,
      ),
    };
  }
  if (pushed?.repository === repository && pushed.digest !== digest)
    return {
      digest,
      manifest,
      ...bad(`the tag was moved: it now names ${digest}; pushed from here was ${pushed.digest}`),
    };
  return { digest, manifest, ...good(digest) };
}

/** The tag that nobody has signed, if the registry has it. */
async function unsignedTag(repository: string, digest: string, progress: Progress): Promise<string | undefined> {
  const tag = `${repository}:${signatureTag(digest)}`;
  return (await tagDigest(tag, { progress })) === undefined ? undefined : tag;
}

/**
 * Verifies a target in the registry.
 * @param folder for what is fetched; targets that share it fetch shared layers once. The caller removes it.
 * @throws NotVerified with all the checks, if one of them is not good; Failure where the registry does not answer or lets nobody in:
 * that says nothing about the image
 */
export async function verifyTarget(
  target: Target,
  family: Family,
  folder: string,
  progress: Progress,
): Promise<VerifyOutcome> {
  await needAnswer(target.reference, progress);
  const outcome = await examine(target, family, folder, progress);
  if (outcome.checks.every(({ state }) => state === "good")) return outcome;
  throw new NotVerified(outcome, progress.log);
}

async function examine(target: Target, family: Family, folder: string, progress: Progress): Promise<VerifyOutcome> {
  const exam = new Examination(progress);
  const repository = repositoryOf(target);
  let standing: { digest: string; manifest: Manifest } | undefined;
  await exam.check("manifest", "reading the manifest", async () => {
    const { state, said, ...rest } = await checkManifest(target, progress);
    standing = rest;
    return { state, said };
  });
  if (!standing) {
    exam.leave(["content", "cosign", "policy", "unsigned", "current"], "there is no manifest to look at");
    return { target, digest: undefined, checks: exam.checks };
  }
  const { digest, manifest } = standing;
  const image = `${repository}@${digest}`;
  const place = { path: join(folder, `${target.flavor.name}-${target.arch.name}`), blobs: join(folder, "blobs") };
  for (const path of [place.path, place.blobs]) mkdirSync(path, { recursive: true });

  const whole = await exam.check("content", "fetching every layer", async () => {
    const trouble = await contentTrouble(image, manifest, place, progress);
    return trouble === undefined ? good(`${manifest.layers.length} layers`) : bad(trouble);
  });
  await exam.check("cosign", "asking cosign", async () => {
    const { code, said } = await verifyByKey(image, family, progress);
    return code === 0
      ? good(`signed by ${family.key}${family.rekor ? ", and logged" : ""}`)
      : bad(cosignWords(said).join(" "));
  });
  if (!whole) {
    exam.leave(["policy", "unsigned", "current"], "the image cannot be read");
    return { target, digest, checks: exam.checks };
  }
  const trust = await writeOutTrust(folder, manifest, join(place.path, "trust"));
  await judge(exam, trust, { image, repository, digest, place, progress });
  const pushed = pushedOf(target);
  await exam.check("current", "reading what it says of itself", async () => {
    const trouble = unreadable(target, manifest);
    if (trouble) return { state: "bad", said: trouble };
    const facts = factsAt(folder, manifest, target.reference);
    return current(target, digest, facts, pushed?.repository === repository ? pushed : undefined, Date.now());
  });
  return { target, digest, checks: exam.checks };
}

/** The verdicts of containers/image: yes to the image, no to what nobody signed. */
async function judge(
  exam: Examination,
  trust: ShippedTrust | string,
  at: { image: string; repository: string; digest: string; place: { path: string; blobs: string }; progress: Progress },
): Promise<void> {
  const { image, repository, digest, place, progress } = at;
  if (typeof trust === "string") {
    await exam.check("policy", "reading the image's policy", async () => bad(trust));
    exam.leave(["unsigned"], trust);
    return;
  }
  let refusedItself = false;
  await exam.check("policy", "asking the image's own policy", async () => {
    const said = await verdict(image, trust, place, progress);
    refusedItself = said.is === "refused";
    if (said.is === "accepted") return good("accepted under its own policy");
    const why = refusedItself ? await newForm(repository, digest, progress) : "";
    return bad(`${said.is}: ${said.said}${why}`);
  });
  await exam.check("unsigned", "asking it about an unsigned tag", async () => {
    const tag = await unsignedTag(repository, digest, progress);
    if (!tag && refusedItself) return good("refused: the image itself is not signed");
    if (!tag) return bad("no signature is in the registry, and the image's policy accepts it all the same");
    const said = await verdict(tag, trust, place, progress);
    if (said.is === "refused") return good(`refused: ${said.said}`);
    return bad(said.is === "accepted" ? `${tag} is not signed, and the image's policy accepts it` : said.said);
  });
}

/** One step a target; all of them side by side. */
export function verifySteps(targets: Target[], family: Family, folder: string): Step<VerifyOutcome>[] {
  return targets.map((target) => ({
    id: `verify ${target.reference}`,
    title: `verify ${target.reference}`,
    after: [],
    run: (progress) => verifyTarget(target, family, folder, progress),
  }));
}
