import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256OfFileSync } from "../cli/hash-file.ts";
import { statePath } from "../cli/project.ts";
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

/** From this size on a file's digest is remembered: hashing it takes longer than all the rest of a plan. */
const bigFile = 8 << 20;

/** The digest of a big file, read again only when its size, time or place on the disk has changed. */
function rememberedDigest(path: string, { size, mtimeMs, ctimeMs, ino }: Stats): string {
  const memory = statePath("cache", "digests.json");
  const key = `${path} ${size} ${mtimeMs} ${ctimeMs} ${ino}`;
  try {
    const known: unknown = JSON.parse(readFileSync(memory, "utf8"))[key];
    if (typeof known === "string") return known;
  } catch {} // nothing is remembered yet
  const digest = sha256OfFileSync(path);
  try {
    writeFileSync(memory, JSON.stringify({ [key]: digest }));
  } catch {} // then it is hashed again next time
  return digest;
}

/** A file, a link, or a folder with all below it, sorted: name, executable bit (all that git keeps of a mode), content or link target. */
function* tree(root: string, path: string): Generator<string | Uint8Array> {
  const full = join(root, path);
  const stat = lstatSync(full, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    yield `d ${path}\0`;
    for (const name of readdirSync(full).sort()) yield* tree(root, join(path, name));
  } else if (stat?.isSymbolicLink()) {
    yield `l ${path}\0${readlinkSync(full)}\0`;
  } else if (stat?.isFile()) {
    yield `f ${path}\0${stat.mode & 0o100 ? "x" : "-"}\0${stat.size}\0`;
    yield stat.size < bigFile ? readFileSync(full) : rememberedDigest(full, stat);
  }
}

/** The key of a target's inputs: 64 hexadecimal digits. */
export function inputKey(target: Target, family: Family, inputs: Inputs): string {
  const hash = new Bun.CryptoHasher("sha256");
  const { flavor, arch } = target;
  const labels = [target.reference, flavor.title, flavor.bootc, family.staleAfter];
  const args = Object.entries(inputs.args).sort(([a], [b]) => (a < b ? -1 : 1));
  hash.update(JSON.stringify([...labels, arch.name, args, inputs.base]));
  hash.update(inputs.containerfile);
  for (const path of contextPaths(inputs.containerfile)) for (const part of tree(family.root, path)) hash.update(part);
  return hash.digest("hex");
}
