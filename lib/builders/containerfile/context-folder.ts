import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../../family/family.ts";

/** The build context: the folder that COPY and mounts read, and what says which of its files are left out. */

export function contextFolder({ flavor }: Target, { root }: Family): string {
  const { context = "." } = flavor.containerfile ?? {};
  return context === "." ? root : join(root, context);
}

/**
 * The list of left out files that lies beside a Containerfile of the project's own and has its name; undefined without one. podman
 * looks for it beside the file that it gets, and it gets a copy. Source: buildah, pkg/parse, ContainerIgnoreFile.
 */
export function ignoreFile({ flavor }: Target, { root }: Family): string | undefined {
  if (!flavor.containerfile) return undefined;
  const { file } = flavor.containerfile;
  return [`${file}.containerignore`, `${file}.dockerignore`].find((name) => existsSync(join(root, name)));
}

export function ignoreWords(target: Target, family: Family): string[] {
  const file = ignoreFile(target, family);
  return file === undefined ? [] : ["--ignorefile", join(family.root, file)];
}
