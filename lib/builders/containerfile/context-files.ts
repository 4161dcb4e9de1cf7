import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { sha256OfFileSync } from "../../system/hash-file.ts";
import { statePath } from "../../system/project.ts";
import { folderOf, isPattern } from "./context-use.ts";

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

/** As many links on the way to a file as Linux follows: path_resolution(7). */
const mostLinks = 40;

/**
 * What `reader` gives for a file; undefined if it is not there any more.
 * @throws Failure for a file that this user may not read
 */
function ifThere<T>(path: string, reader: (path: string) => T): T | undefined {
  try {
    return reader(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    throw new Failure(exit.failed, `a file of the build context cannot be read: ${path}`, {
      tried: [`reading it gave ${code}`],
      next: "give this user the right to read it, or move it out of the project",
    });
  }
}

const statOf = (path: string) => ifThere(path, (p) => lstatSync(p, { throwIfNoEntry: false }));

type Parts = Generator<string | Uint8Array>;

/** Reads below one root, which no link leads out of. With `follow` every link is followed, and each file is read once. */
class Reader {
  private readonly seen = new Set<string>();

  constructor(
    private readonly root: string,
    private readonly follow: boolean,
  ) {}

  /**
   * Yields the links on the way to a path, and returns where it leads. As podman has it, an absolute target begins at the
   * context's root, and nothing is above that. Source: buildah, copier.go, resolvePath.
   * @returns undefined after too many links
   */
  private *resolve(path: string): Generator<string, string | undefined> {
    const names = path.split("/");
    let at = "/";
    let links = 0;
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const next = posix.join(at, name);
      const full = join(this.root, next);
      const isLink = next !== at && name !== ".." && statOf(full)?.isSymbolicLink();
      const target = isLink ? ifThere(full, (p) => readlinkSync(p)) : undefined;
      if (target === undefined) {
        at = next;
        continue;
      }
      yield `l ${next.slice(1)}\0${target}\0`;
      if (++links > mostLinks) return undefined;
      if (target.startsWith("/")) at = "/";
      names.unshift(...target.split("/"));
    }
    return at.replaceAll(/^\/|\/$/g, "") || ".";
  }

  /**
   * A file, a link, or a folder with all below it, sorted: name, executable bit (all that git keeps of a mode), content or link
   * target. No folder above `path` is a link.
   */
  private *tree(path: string): Parts {
    if (this.follow && this.seen.has(path)) return;
    this.seen.add(path);
    const full = join(this.root, path);
    const stat = statOf(full);
    if (stat?.isDirectory()) {
      if (path === ownFolder) return yield* this.tree(ownContext);
      yield `d ${path}\0`;
      for (const name of ifThere(full, (p) => readdirSync(p))?.sort() ?? []) yield* this.tree(join(path, name));
    } else if (stat?.isSymbolicLink()) {
      if (this.follow) yield* this.at(path);
      else yield `l ${path}\0${ifThere(full, (p) => readlinkSync(p))}\0`;
    } else if (stat?.isFile()) {
      yield `f ${path}\0${stat.mode & 0o100 ? "x" : "-"}\0${stat.size}\0`;
      yield ifThere(full, (p) => (stat.size < bigFile ? readFileSync(p) : rememberedDigest(p, stat))) ?? "";
    }
  }

  /** What a path leads to. */
  *at(path: string): Parts {
    const real = yield* this.resolve(path);
    if (real !== undefined) yield* this.tree(real);
  }
}

/**
 * What a build finds at a path that a Containerfile names. A link in the path or at its end is followed, as podman does, and
 * nothing outside of the context is read. Nothing for a path that is not there.
 * @param path of `contextUse`; for all that a pattern may match, links below its folder are followed too
 * @throws Failure for a file that this user may not read
 */
export function* filesAt(root: string, path: string): Parts {
  yield* new Reader(root, isPattern(path)).at(folderOf(path));
}
