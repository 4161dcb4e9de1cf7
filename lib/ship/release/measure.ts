import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { openLayout } from "../../oci/layout.ts";
import { RegistryFailure } from "../../oci/registry.ts";
import { openImage } from "../../oci/source.ts";
import { exit, Failure } from "../../system/errors.ts";
import { bytes } from "../../system/output.ts";
import type { Progress } from "../../system/steps.ts";
import { withWorkFolder } from "../../system/work-folder.ts";
import { type Delta, delta } from "../delta.ts";
import { pushedOf, repositoryOf } from "../push/pushed.ts";
import { imageFolder } from "../rechunk/target.ts";
import { type Card, cardOf, type Since } from "./card.ts";
import { begun, end } from "./state.ts";

/** Undefined where the registry no longer has the previous release. */
async function compare(target: Target, previous: string, progress: Progress): Promise<Delta | undefined> {
  progress.now("comparing with the previous release");
  return withWorkFolder(async (work) => {
    const layers = join(work, "layers");
    mkdirSync(layers);
    try {
      const before = await openImage(`docker://${repositoryOf(target)}@${previous}`, { work: join(work, "a") });
      const after = await openImage(`oci:${imageFolder(target.reference)}`, { work: join(work, "b") });
      return await delta(before, after, { work: layers, quick: false });
    } catch (error) {
      if (error instanceof RegistryFailure && error.absent) return undefined;
      throw error;
    }
  });
}

/**
 * What the release costs a machine that runs the previous one; the release has ended when that is said.
 * @throws Failure where that is more than the budget
 */
export async function measure(
  target: Target,
  family: Family,
  budget: number | undefined,
  progress: Progress,
): Promise<{ said: string; facts: object; card: Card }> {
  const previous = begun(target)?.previous;
  const pushed = pushedOf(target);
  if (!pushed) throw new Failure(exit.failed, `${target.reference} is not pushed`, { next: "run this again" });
  const done = (said: string, since: Since, facts: object = {}) => {
    const card = cardOf(target, family, pushed, openLayout(imageFolder(target.reference)), since);
    end(target);
    return { said, facts: { previous: previous ?? null, ...facts }, card };
  };
  if (!previous) return done("the first release", { is: "first" });
  if (previous === pushed.digest) return done("nothing new", { is: "same" }, { download: 0 });
  const found = await compare(target, previous, progress);
  if (!found) return done("the registry no longer has the previous release", { is: "gone", previous });
  const { download, kept, requests, floor, efficiency, packages } = found;
  if (budget !== undefined && download > budget)
    throw new Failure(exit.failed, `${target.reference}: an update is ${bytes(download)}, more than ${bytes(budget)}`, {
      tried: [`previous release ${previous}`],
      next: `bun run delta ${repositoryOf(target)}@${previous} ${target.reference} --all  says why`,
    });
  const since: Since = { is: "update", previous, download, kept, packages };
  return done(`${bytes(download)} from the previous`, since, { download, kept, requests, floor, efficiency });
}
