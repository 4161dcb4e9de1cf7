import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { byteString, printable } from "../layers/entry.ts";
import { TreeError } from "../layers/tree.ts";
import { type Manifest, nestsTooDeep } from "../oci/manifest.ts";
import { exit, Failure } from "../system/errors.ts";
import { ImageFiles } from "./image-files.ts";
import { pathWord } from "./policy-file.ts";

/**
 * Whom an image trusts: its policy.json, its registries.d and the files that they name, read from its layers. Every path that
 * the image names is looked up in the image, never on this machine.
 * Formats: containers-policy.json(5), containers-registries.d(5).
 */

/** No policy or key is longer than this. */
const most = 1 << 20;
/** Files that a policy and a registries.d come to at most; a family has five. */
const mostFiles = 200;

/** The first that is there counts. */
const policies = ["/etc/containers/policy.json", "/usr/share/containers/policy.json"];
const registries = "/etc/containers/registries.d";

/** A place in a policy that names files. */
interface Named {
  in: Record<string, unknown>;
  word: string;
  paths: string[];
}

/** @throws Failure for a word that names a file by something else than an absolute path */
function filesNamed(policy: unknown): Named[] {
  const found: Named[] = [];
  const ahead = [policy];
  for (let value = ahead.pop(); value !== undefined; value = ahead.pop()) {
    if (typeof value !== "object" || value === null) continue;
    for (const [word, said] of Object.entries(value)) {
      // A scope may have any name that the image chooses; its value is a list of requirements.
      const isFile = pathWord.test(word) && !(Array.isArray(said) && said.every((v) => typeof v === "object"));
      if (isFile) found.push({ in: value as Record<string, unknown>, word, paths: absolute(word, [said].flat()) });
      else ahead.push(said ?? 0);
    }
  }
  return found;
}

function absolute(word: string, said: unknown[]): string[] {
  return said.map((path) => {
    if (typeof path === "string" && path.startsWith("/") && !path.includes("\0")) return path;
    const is = printable(byteString(JSON.stringify(path) ?? ""));
    throw new Failure(exit.failed, `the image's policy has as ${word} ${is}, which is not an absolute path`);
  });
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
 * @param folder an oci folder, or one with its blobs. @param to a folder that is made.
 * @returns a sentence instead, where the image has no policy that can be used: none, a broken one, one that names what is not there
 */
export async function writeOutTrust(folder: string, manifest: Manifest, to: string): Promise<ShippedTrust | string> {
  try {
    const files = await ImageFiles.open(folder, manifest, join(to, "layers"));
    return { policy: await writePolicy(files, to), registries: await writeRegistries(files, to) };
  } catch (error) {
    if (error instanceof Failure || error instanceof TreeError) return error.message;
    throw error;
  }
}

/** @throws Failure */
async function writePolicy(files: ImageFiles, to: string): Promise<string> {
  const path = policies.find((p) => files.has(p));
  if (path === undefined) throw new Failure(exit.failed, `the image has no policy: ${policies.join(" or ")}`);
  const text = (await files.contents([path], most)).get(path)?.toString("utf8") ?? "";
  let policy: unknown;
  try {
    policy = nestsTooDeep(text) ? undefined : JSON.parse(text);
  } catch {
    // told below
  }
  if (policy === undefined) throw new Failure(exit.failed, `the image's ${path} is not JSON`);
  const named = filesNamed(policy);
  const keys = [...new Set(named.flatMap(({ paths }) => paths))];
  if (keys.length > mostFiles) throw new Failure(exit.failed, `the image's ${path} names ${keys.length} files`);
  const contents = await files.contents(keys, most);
  const missing = keys.filter((key) => !contents.has(key));
  if (missing.length)
    throw new Failure(
      exit.failed,
      `the image lacks a key that its ${path} names: ${missing.map((key) => printable(byteString(key))).join(", ")}`,
    );
  // Named by number: a name that the image chooses could lead out of the folder.
  const copies = new Map(keys.map((key, i) => [key, join(to, "keys", `${i}`)]));
  for (const [key, copy] of copies) put(copy, contents.get(key));
  for (const place of named) {
    const here = place.paths.map((key) => copies.get(key));
    place.in[place.word] = Array.isArray(place.in[place.word]) ? here : here[0];
  }
  put(join(to, "policy.json"), Buffer.from(JSON.stringify(policy, null, 1)));
  return join(to, "policy.json");
}

/** @throws Failure */
async function writeRegistries(files: ImageFiles, to: string): Promise<string> {
  const paths = files.names(registries).flatMap((name) => (name.endsWith(".yaml") ? [`${registries}/${name}`] : []));
  if (paths.length > mostFiles) throw new Failure(exit.failed, `the image's ${registries} has ${paths.length} files`);
  const folder = join(to, "registries.d");
  mkdirSync(folder, { recursive: true });
  const contents = await files.contents(paths, most);
  const { parse } = await import("yaml");
  for (const [i, path] of paths.entries()) {
    const content = contents.get(path);
    if (!content) continue;
    const where = `the image's ${printable(byteString(path))}`;
    let said: unknown;
    try {
      said = parse(content.toString("utf8"));
    } catch {
      throw new Failure(exit.failed, `${where} is not YAML`);
    }
    // A tool would read the file on this machine.
    if (hasFileUrl(said)) throw new Failure(exit.failed, `${where} looks for signatures in files (file://)`);
    put(join(folder, `${i}.yaml`), content);
  }
  return folder;
}

function hasFileUrl(said: unknown): boolean {
  const ahead = [said];
  const seen = new Set<unknown>();
  for (let value = ahead.pop(); value !== undefined; value = ahead.pop()) {
    if (typeof value === "string" && /^\s*file:/i.test(value)) return true;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    for (const one of Object.values(value)) ahead.push(one ?? 0);
  }
  return false;
}

function put(path: string, content: Buffer | undefined): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content ?? "");
}
