import { rmSync } from "node:fs";
import type { Target } from "../../family/family.ts";
import { targetState } from "../../family/target.ts";
import { withoutItsTag } from "../../oci/reference.ts";
import { readState, writeState } from "../../system/state-file.ts";

/**
 * What was pushed from here, one file a target in `.slipway/state/pushed/`: written when the registry has it, whole and
 * compared, under all its tags. Only what is written here is signed.
 */
export interface Pushed {
  /** `ghcr.io/guara92/guaraos-minimal` */
  repository: string;
  /** Of the manifest in the registry. */
  digest: string;
  tags: string[];
  /** The digest of the image's configuration, which is the image's id in podman's storage. */
  image: string;
  /** How its layers are packed, such as `zstd 3`. */
  packed?: string;
  /** When, as an ISO date. */
  at: string;
}

const file = (target: Target) => targetState("pushed", target);

function isPushed(value: unknown): value is Pushed {
  const digest = /^sha256:[0-9a-f]{64}$/;
  return (
    typeof value === "object" &&
    value !== null &&
    ["repository", "digest", "image", "at"].every(
      (key) => typeof (value as Record<string, unknown>)[key] === "string",
    ) &&
    "digest" in value &&
    digest.test(String(value.digest)) &&
    "tags" in value &&
    Array.isArray(value.tags)
  );
}

/** What was pushed of a target; undefined if nothing was, or if the record is not readable. */
export function pushedOf(target: Target): Pushed | undefined {
  const value = readState(file(target));
  return isPushed(value) ? value : undefined;
}

export function rememberPushed(target: Target, pushed: Pushed): void {
  writeState(file(target), pushed);
}

/** Before a tag is moved: from here on, until the end of the push, nothing of the target may be signed. */
export function forgetPushed(target: Target): void {
  rmSync(file(target), { force: true });
}

/** The image's name without its tag. */
export function repositoryOf({ reference }: Target): string {
  return withoutItsTag(reference);
}
