import type { Family, Target } from "../family/family.ts";
import { filesAt } from "./containerfile/context-files.ts";
import { contextUse } from "./containerfile/context-use.ts";
import { linesOf, parseContainerfile } from "./containerfile/instructions.ts";

/** Everything that goes into an image. The same inputs give the same key, and a target with the same key is not built again. */
export interface Inputs {
  containerfile: string;
  /** `--build-arg` values, the refresh stamp among them. */
  args: Record<string, string>;
  /** The base image's id. */
  base: string;
}

/** Which files of the context are left out. */
const ignoreFiles = [".containerignore", ".dockerignore"];

/** What the Containerfile copies or mounts from the build context: paths from the project's root. */
export function contextPaths(containerfile: string, args: Record<string, string> = {}): string[] {
  const uses = contextUse(parseContainerfile(linesOf(containerfile)), args);
  return [...new Set(uses.flatMap(({ paths }) => paths))].sort();
}

/** The key of a target's inputs: 64 hexadecimal digits. */
export function inputKey(target: Target, family: Family, inputs: Inputs): string {
  const hash = new Bun.CryptoHasher("sha256");
  const { flavor, arch } = target;
  const labels = [target.reference, flavor.title, flavor.bootc, family.staleAfter];
  const args = Object.entries(inputs.args).sort(([a], [b]) => (a < b ? -1 : 1));
  hash.update(JSON.stringify([...labels, arch.name, args, inputs.base]));
  hash.update(inputs.containerfile);
  const paths = contextPaths(inputs.containerfile, inputs.args);
  for (const path of paths.length ? [...ignoreFiles, ...paths] : [])
    for (const part of filesAt(family.root, path)) hash.update(part);
  return hash.digest("hex");
}
