import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Family, Target } from "../family/family.ts";

/** Everything that goes into an image. The same inputs give the same key, and a target with the same key is not built again. */
export interface Inputs {
  containerfile: string;
  /** `--build-arg` values, the refresh stamp among them. */
  args: Record<string, string>;
  /** The base image's id. */
  base: string;
}

/** Every file below a folder, sorted: mode (only the executable bit, as git keeps it), name, content or link target. */
function* tree(root: string, folder: string): Generator<string | Uint8Array> {
  const full = join(root, folder);
  if (!existsSync(full)) return;
  for (const entry of readdirSync(full, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield `d ${path}\0`;
      yield* tree(root, path);
    } else if (entry.isSymbolicLink()) {
      yield `l ${path}\0${readlinkSync(join(root, path))}\0`;
    } else {
      const executable = statSync(join(root, path)).mode & 0o100;
      const content = readFileSync(join(root, path));
      yield `f ${path}\0${executable ? "x" : "-"}\0${content.length}\0`;
      yield content;
    }
  }
}

/** The key of a target's inputs: 64 hexadecimal digits. */
export function inputKey(target: Target, family: Family, inputs: Inputs): string {
  const hash = new Bun.CryptoHasher("sha256");
  const { flavor, arch } = target;
  const args = Object.entries(inputs.args).sort(([a], [b]) => (a < b ? -1 : 1));
  hash.update(JSON.stringify([target.reference, flavor.title, flavor.bootc, arch.name, args, inputs.base]));
  hash.update(inputs.containerfile);
  for (const folder of [`overlays/${flavor.name}`, "containerfiles/helpers"])
    for (const part of tree(family.root, folder)) hash.update(part);
  const key = join(family.root, family.key);
  if (existsSync(key)) hash.update(readFileSync(key));
  return hash.digest("hex");
}
