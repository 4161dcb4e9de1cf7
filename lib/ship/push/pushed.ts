import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Target } from "../../family/family.ts";
import { statePath } from "../../system/project.ts";

/**
 * What was pushed from here, one file a target in `.slipway/state/pushed/`: written when the registry has it, whole and
 * compared, under all its tags. Only what stands here is signed.
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

function file({ flavor, arch }: Target): string {
  return statePath("state", "pushed", `${flavor.name}-${arch.name}.json`);
}

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
  const path = file(target);
  if (!existsSync(path)) return undefined;
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isPushed(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function rememberPushed(target: Target, pushed: Pushed): void {
  const path = file(target);
  writeFileSync(`${path}.${process.pid}`, `${JSON.stringify(pushed, null, 2)}\n`);
  renameSync(`${path}.${process.pid}`, path);
}

/** Before a tag is moved: from here on, until the end of the push, nothing of the target may be signed. */
export function forgetPushed(target: Target): void {
  rmSync(file(target), { force: true });
}

/** The image's name without its tag. */
export function repositoryOf({ reference }: Target): string {
  return reference.replace(/:[^/:]*$/, "");
}
