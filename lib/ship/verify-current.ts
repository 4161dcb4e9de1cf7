import type { Family, Target } from "../family/family.ts";
import { allTargets } from "../family/target.ts";
import { readDocument } from "../oci/layout.ts";
import { type Manifest, parseConfig } from "../oci/manifest.ts";
import { rawManifest } from "../oci/skopeo.ts";
import { Failure } from "../system/errors.ts";
import { findTool } from "../tools/tools.ts";
import { type Facts, factsOf, timeOf } from "../trust/facts.ts";
import { clockSlack, date, oldImages } from "../trust/old-images.ts";
import { isChunked, oneManifest } from "./push/compare.ts";
import { type Pushed, pushedOf } from "./push/pushed.ts";

/** Whether a tag has the image that belongs there now, by the rules of its machines and by our own record. */

export interface Current {
  state: "good" | "bad";
  said: string;
}

/** What the image at hand says of itself. @param folder an oci folder, or one with its blobs */
export function factsAt(folder: string, { config }: Manifest, reference: string): Facts {
  return factsOf(parseConfig(readDocument(folder, config), `the configuration of ${reference}`));
}

const usesComposefs = ({ flavor }: Target) => flavor.install.composefs === true;

/** What of an image its machines cannot read; undefined where they can. */
export function unreadable(target: Target, manifest: Manifest): string | undefined {
  if (!isChunked(manifest) || !usesComposefs(target)) return undefined;
  return "its layers are zstd:chunked, and bootc's composefs backend reads only the beginning of such a layer: push it again, then it is packed as zstd";
}

/**
 * Published images that their machines cannot read, each with why. Only what was pushed from here is asked for, and a registry that gives no
 * answer says nothing about an image.
 */
export async function unreadableImages(family: Family): Promise<{ image: string; because: string; fix: string }[]> {
  const suspects = allTargets(family).filter((target) => usesComposefs(target) && pushedOf(target));
  // nothing is built to ask this
  const skopeo = suspects.length ? await findTool("skopeo") : undefined;
  if (!skopeo || skopeo.place === "missing" || (skopeo.place === "toolbox" && !skopeo.built)) return [];
  const found = suspects.map(async (target) => {
    const { reference, arch, flavor } = target;
    try {
      const because = unreadable(
        target,
        oneManifest(await rawManifest(`docker://${reference}`, { patience: "8s" }), reference),
      );
      return because === undefined
        ? []
        : [{ image: reference, because, fix: `bun run push ${arch.name} ${flavor.name}` }];
    } catch (error) {
      if (error instanceof Failure) return [];
      throw error;
    }
  });
  return (await Promise.all(found)).flat();
}

/**
 * Pure.
 * @param pushed what was pushed from here for this target; of the image at the tag only its own date is known
 * @param now milliseconds since 1970
 */
export function current(
  { reference }: Target,
  digest: string,
  facts: Facts,
  pushed: Pick<Pushed, "digest" | "at"> | undefined,
  now: number,
): Current {
  const old = oldImages({ reference, digests: [digest], facts, known: [], now });
  const wrong = old.map(({ said, found, expected }) => `${said}; ${found}; ${expected}`);
  const { made, refreshed } = facts;
  const at = timeOf(pushed?.at);
  if (pushed && pushed.digest !== digest && at !== undefined && (made ?? 0) < at)
    wrong.push(
      `the tag has an older image: found ${digest}, made ${made === undefined ? "at an unknown time" : date(made)}; ` +
        `expected ${pushed.digest}, pushed from here ${date(at)}, or one that was made later`,
    );
  if (made !== undefined && made > now + clockSlack)
    wrong.push(
      `it was made in the future: found ${date(made)}; expected at most ${date(now)}, as this machine's clock says. ` +
        "Machines that run it refuse what is made before that day: correct the clock, and release it again",
    );
  if (wrong.length) return { state: "bad", said: wrong.join("; ") };
  const silent = [
    ...(facts.reference === undefined ? ["which reference it is"] : []),
    ...(refreshed === undefined ? ["how old its packages are"] : []),
  ];
  if (silent.length)
    return { state: "good", said: `machines cannot check ${silent.join(", nor ")}: bun run release writes that` };
  return { state: "good", said: `refreshed ${date(refreshed ?? 0)}` };
}
