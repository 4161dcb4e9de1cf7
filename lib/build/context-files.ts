import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { sha256OfFileSync } from "../cli/hash-file.ts";
import { statePath } from "../cli/project.ts";

/** The build context's files, as bytes for a hash. */

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

/** Every command changes what Slipway keeps in its own folder; what is made for the context is the part that builds take. */
const ownFolder = ".slipway";
const ownContext = ".slipway/context";

/** A file, a link, or a folder with all below it, sorted: name, executable bit (all that git keeps of a mode), content or link target. */
function* tree(root: string, path: string): Generator<string | Uint8Array> {
  if (path === ownFolder) return yield* tree(root, ownContext);
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

/**
 * What a build finds at a path that a Containerfile names. A link in the path or at its end is followed, as podman does.
 * Nothing for a path that is not there.
 */
export function* filesAt(root: string, path: string): Generator<string | Uint8Array> {
  yield* tree(root, path);
  let real: string;
  try {
    real = relative(realpathSync(root), realpathSync(join(root, path))) || ".";
  } catch {
    return; // it is not there, or leads nowhere
  }
  if (real !== path) yield* tree(root, real);
}
