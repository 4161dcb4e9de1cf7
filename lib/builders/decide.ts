import type { LocalImage } from "../oci/storage.ts";
import { labelOf } from "../trust/facts.ts";

export interface BuildOptions {
  force: boolean;
  refresh: boolean;
  noCache: boolean;
  /** What is published says how old its packages are; a first build elsewhere does not, so that two of them are equal. */
  dated?: boolean;
}

export interface Facts {
  /** The target's image, if there is one. */
  image: LocalImage | undefined;
  /** The key of the inputs as they are now; undefined where the base is yet to be made. */
  key: string | undefined;
  /** Something that goes into the image and is not known before the build: a clause, with its place. */
  unknown?: string | undefined;
  /** The packages are older than the manifest allows. */
  stale: boolean;
}

export const keyLabel = "org.slipway.key";

/** Whether a target is built, and why (or why not). One row a reason, the first that holds is said. */
export function decide({ image, key, unknown, stale }: Facts, options: BuildOptions): { build: boolean; why: string } {
  const reasons: [boolean, string][] = [
    [!image, "there is no image yet"],
    [options.force, "--force"],
    [options.noCache, "--no-cache"],
    [options.refresh, "--refresh"],
    [key === undefined, "its base is built first"],
    [image?.labels[keyLabel] !== key, "its inputs changed"],
    [unknown !== undefined, unknown ?? ""],
    [stale, "its packages are older than refreshAfter"],
    [options.dated === true && !image?.labels[labelOf.refresh], "it does not say how old its packages are"],
  ];
  const reason = reasons.find(([holds]) => holds);
  return reason ? { build: true, why: reason[1] } : { build: false, why: "its inputs did not change" };
}
