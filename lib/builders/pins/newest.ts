import { parseReference } from "../../oci/reference.ts";
import { Repository } from "../../oci/registry.ts";
import { exit, Failure } from "../../system/errors.ts";
import { run } from "../../system/shell.ts";
import type { Pin } from "../../tools/pins.ts";
import { tool } from "../../tools/tools.ts";

/** Asks the source of a pin for its newest version. */

function unknown(what: string, said: string): Failure {
  return new Failure(exit.failed, `${what}: not looked up`, { tried: said.trim().split("\n").slice(-2) });
}

async function remoteRefs(address: string, words: string[], patterns: string[]): Promise<[string, string][]> {
  const argv = [...(await tool("git")), "ls-remote", ...words, "--", address, ...patterns];
  const { code, stdout, said } = await run(argv, { env: { GIT_TERMINAL_PROMPT: "0" } });
  if (code !== 0) throw unknown(address, said);
  return stdout.split("\n").flatMap((line): [string, string][] => {
    const [commit, ref] = line.split("\t");
    return commit && ref ? [[commit, ref]] : [];
  });
}

/** Releases only: what calls itself a trial is none. */
const trial = /(alpha|beta|rc|pre)/i;

/** The commit of a branch, of the newest tag of a pattern, or of what a clone gets. @throws Failure */
export async function newestCommit(address: string, follows?: string): Promise<string> {
  if (!follows?.includes("*")) {
    const ref = follows === undefined ? "HEAD" : `refs/heads/${follows}`;
    const found = (await remoteRefs(address, [], [ref])).find(([, name]) => name === ref);
    if (!found) throw unknown(address, `it has no ${ref}`);
    return found[0];
  }
  const refs = await remoteRefs(
    address,
    ["--tags", "--sort=-version:refname"],
    [`refs/tags/${follows}`, `refs/tags/${follows}^{}`],
  );
  const newest = refs.find(([, name]) => !trial.test(name) && !name.endsWith("^{}"));
  if (!newest) throw unknown(address, `it has no tag ${follows}`);
  // An annotated tag is an object of its own; the list also has its commit.
  return refs.find(([, name]) => name === `${newest[1]}^{}`)?.[0] ?? newest[0];
}

/** The digest behind a tag: of the index where there is one, which is right for every arch. @throws Failure */
export async function newestDigest(address: string): Promise<string> {
  const reference = parseReference(address);
  if (!reference) throw unknown(address, "this is not an image of a registry");
  const { digest, index } = await new Repository(reference, { attempts: 2 }).open();
  return index ?? digest;
}

/** The repository of an AUR package is named after its base. Source: aurweb's RPC interface, version 5. @throws Failure */
async function recipeOf(name: string, aur: string): Promise<string> {
  const answer = await fetch(`${aur}/rpc/v5/info?arg%5B%5D=${encodeURIComponent(name)}`).catch((error: Error) => error);
  if (answer instanceof Error) throw unknown(`aur:${name}`, `${aur}: ${answer.message}`);
  const said: unknown = await answer.json().catch(() => undefined);
  const { results } = (said ?? {}) as { results?: { PackageBase?: unknown }[] };
  const base = Array.isArray(results) ? results[0]?.PackageBase : undefined;
  if (typeof base !== "string" || !/^[\w@.+-]+$/.test(base)) throw unknown(`aur:${name}`, `${aur} has no such package`);
  return `${aur}/${base}.git`;
}

/** What a pin would be if it were made now. @param aur where the AUR is @throws Failure */
export async function newest({ address, kind, follows }: Pin, aur: string): Promise<string> {
  if (kind === "image") return newestDigest(address);
  if (kind === "git") return newestCommit(address, follows);
  return newestCommit(await recipeOf(address.slice("aur:".length), aur));
}
