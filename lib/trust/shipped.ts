import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { readBlob } from "../image/blob.ts";
import { byteString, type Entry, toBytes } from "../image/entry.ts";
import { blobPath } from "../image/layout.ts";
import type { Manifest } from "../image/manifest.ts";
import { TarReader } from "../image/tar-read.ts";

/**
 * What an image says about whom it trusts: its policy.json, its registries.d and the keys that they name, read out of its
 * layers. Only these few files are kept; the layers stream by, one after the other, whiteouts and all.
 * Formats: containers-policy.json(5), containers-registries.d(5).
 */

/** A file's content, or where a link leads. */
type Kept = { content: Buffer } | { link: string };

/** No policy or key is longer than this. */
const most = 1 << 20;

class Keeper {
  readonly kept = new Map<string, Kept>();
  private pieces: Buffer[] = [];
  private above = new Map<string, Kept>();
  private gone: string[] = [];

  constructor(private readonly wanted: (path: string) => boolean) {}

  private drop(path: string): void {
    for (const other of this.kept.keys()) if (other === path || other.startsWith(`${path}/`)) this.kept.delete(other);
  }

  async layer(blob: string): Promise<void> {
    this.above = new Map();
    this.gone = [];
    const reader = new TarReader(
      (entry) => this.begin(entry),
      (bytes, entry) => {
        if (this.keeps(entry)) this.pieces.push(Buffer.from(bytes));
      },
      (entry) => {
        if (this.keeps(entry)) this.above.set(entry.path, { content: Buffer.concat(this.pieces) });
      },
    );
    await readBlob(
      blob,
      () => undefined,
      (bytes) => reader.push(bytes),
    );
    // Whiteouts speak of the layers below, wherever in the tar they stand.
    for (const path of this.gone) this.drop(path);
    for (const [path, what] of this.above) this.kept.set(path, what);
  }

  private keeps({ kind, size, path }: Entry): boolean {
    return kind === "file" && size <= most && this.wanted(path);
  }

  private begin(entry: Entry): void {
    this.pieces = [];
    const [folder, name] = [dirname(entry.path), basename(entry.path)];
    if (name === ".wh..wh..opq") this.gone.push(...[...this.kept.keys()].filter((p) => p.startsWith(`${folder}/`)));
    else if (name.startsWith(".wh.")) this.gone.push(posix.join(folder, name.slice(4)));
    else if (entry.kind !== "dir") this.gone.push(entry.path);
    const target = entry.target;
    if (target === undefined) return;
    if (entry.kind === "symlink")
      this.above.set(entry.path, { link: target.startsWith("/") ? target : posix.join("/", folder, target) });
    if (entry.kind === "link") this.above.set(entry.path, { link: `/${target}` });
  }
}

/** Files of an image, by absolute path. Links are followed where what they lead to is wanted too. */
async function filesOf(
  folder: string,
  manifest: Manifest,
  wanted: (path: string) => boolean,
): Promise<Map<string, Buffer>> {
  const keeper = new Keeper(wanted);
  for (const { digest } of manifest.layers) await keeper.layer(blobPath(folder, digest));
  const follow = (path: string, left = 8): Buffer | undefined => {
    const found = keeper.kept.get(path.slice(1));
    if (!found || left === 0) return undefined;
    return "content" in found ? found.content : follow(found.link, left - 1);
  };
  const paths = [...keeper.kept.keys()].map((path) => `/${toBytes(path).toString("utf8")}`);
  return new Map(
    paths.flatMap((path) => {
      const content = follow(path);
      return content ? [[path, content]] : [];
    }),
  );
}

const places = /^(etc|usr\/share|usr\/etc)\/(containers|pki)\//;
/** The first that is there counts. */
const policies = ["/etc/containers/policy.json", "/usr/share/containers/policy.json"];
const registries = "/etc/containers/registries.d/";

/** A policy with the words that name keys by their path. */
interface Requirement {
  keyPath?: string;
  keyPaths?: string[];
}

function requirements(policy: unknown): Requirement[] {
  const found: Requirement[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one);
    else if (typeof value === "object" && value !== null) {
      if ("keyPath" in value || "keyPaths" in value) found.push(value as Requirement);
      for (const one of Object.values(value)) visit(one);
    }
  };
  visit(policy);
  return found;
}

/** An image's trust, written out so that containers/image on this machine judges by it. */
export interface ShippedTrust {
  /** For `--policy`; its keys are the image's. */
  policy: string;
  /** For `--registries.d`. */
  registries: string;
}

/**
 * Writes out what an image trusts.
 * @param folder an oci folder, or one with its blobs
 * @returns a sentence instead, where the image has no policy or lacks a key that its policy names
 */
export async function writeOutTrust(folder: string, manifest: Manifest, to: string): Promise<ShippedTrust | string> {
  const files = await filesOf(folder, manifest, (path) => places.test(path));
  const path = policies.find((p) => files.has(p));
  if (path === undefined) return `the image has no policy: ${policies.join(" or ")}`;
  let policy: unknown;
  try {
    policy = JSON.parse(files.get(path)?.toString("utf8") ?? "");
  } catch {
    return `the image's ${path} is no JSON`;
  }
  const named = requirements(policy).flatMap((r) => [r.keyPath ?? [], r.keyPaths ?? []].flat());
  const elsewhere = new Set(named.filter((key) => !files.has(key)).map((key) => byteString(key.slice(1))));
  if (elsewhere.size)
    for (const [key, content] of await filesOf(folder, manifest, (p) => elsewhere.has(p))) files.set(key, content);
  const missing = named.filter((key) => !files.has(key));
  if (missing.length) return `the image lacks a key that its ${path} names: ${[...new Set(missing)].join(", ")}`;

  for (const key of new Set(named)) put(join(to, "keys", key), files.get(key));
  for (const requirement of requirements(policy)) {
    if (requirement.keyPath) requirement.keyPath = join(to, "keys", requirement.keyPath);
    if (requirement.keyPaths) requirement.keyPaths = requirement.keyPaths.map((key) => join(to, "keys", key));
  }
  mkdirSync(join(to, "registries.d"), { recursive: true });
  for (const [name, content] of files)
    if (name.startsWith(registries) && name.endsWith(".yaml"))
      put(join(to, "registries.d", name.slice(registries.length)), content);
  put(join(to, "policy.json"), Buffer.from(JSON.stringify(policy, null, 1)));
  return { policy: join(to, "policy.json"), registries: join(to, "registries.d") };
}

function put(path: string, content: Buffer | undefined): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content ?? "");
}
