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

/** What the Containerfile copies or mounts from the build context: paths from the project's root. */
export function contextPaths(containerfile: string): string[] {
  const joined = containerfile.replaceAll(/\\\n/g, " ");
  const copied = [...joined.matchAll(/^(?:COPY|ADD)\s+(.*)$/gm)].flatMap(([, rest = ""]) => {
    const words = rest.split(/\s+/).filter(Boolean);
    if (words.some((w) => w.startsWith("--from="))) return [];
    return words.filter((w) => !w.startsWith("--")).slice(0, -1);
  });
  const mounted = [...joined.matchAll(/--mount=(\S+)/g)].flatMap(([, options = ""]) =>
    /(^|,)from=/.test(options) ? [] : (/(?:^|,)(?:source|src)=([^,]+)/.exec(options)?.[1] ?? []),
  );
  return [...new Set([...copied, ...mounted].map((path) => path.replace(/\/$/, "")))].sort();
}

/** A file, or every file below a folder, sorted: mode (only the executable bit, as git keeps it), name, content or link target. */
function* tree(root: string, folder: string): Generator<string | Uint8Array> {
  const full = join(root, folder);
  if (!existsSync(full)) return;
  if (!statSync(full).isDirectory()) {
    yield `f ${folder}\0`;
    yield readFileSync(full);
    return;
  }
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
  for (const path of contextPaths(inputs.containerfile)) for (const part of tree(family.root, path)) hash.update(part);
  return hash.digest("hex");
}
