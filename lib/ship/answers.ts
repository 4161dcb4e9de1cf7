import { lastWords, RegistryTrouble, rawManifest } from "../oci/skopeo.ts";
import { exit, Failure } from "../system/errors.ts";
import type { Progress } from "../system/steps.ts";
import { type FailureKind, podmanFailureIn } from "../tools/podman-failures.ts";

/**
 * How long the first and the second question may take, as Go writes it. Most registries answer the first at once. The second is for
 * those that are slow, or slow to ask: skopeo tries the mirrors of this machine and the server of tokens before it gets there.
 */
export interface Patience {
  first: string;
  second: string;
}

const usual: Patience = { first: "8s", second: "45s" };
/** Seconds before the second question to a registry that refuses connections: it may be starting. */
const pause = 1;

/** What keeps every further request from it too. Another refusal, say of the login, is an answer. */
const fatal: FailureKind[] = ["unreachable", "certificate", "plain http"];

const asked = new Map<string, Promise<void>>();

/**
 * Sees to it that the registry of an image answers, before anything is done that takes time. Each registry is asked once a command,
 * by skopeo, which is what speaks to it afterwards.
 * @param patience for tests
 * @throws Failure with the registry's name and what to check
 */
export function needAnswer(reference: string, progress: Progress, patience = usual): Promise<void> {
  const host = reference.split("/")[0] ?? "";
  const known = asked.get(host) ?? ask(host, reference, progress, patience);
  asked.set(host, known);
  return known;
}

const isSilence = ({ said }: RegistryTrouble) => /deadline exceeded|timeout/i.test(said);

async function ask(host: string, reference: string, progress: Progress, patience: Patience): Promise<void> {
  progress.now(`asking whether ${host} answers`);
  const first = await trouble(reference, progress, patience.first);
  if (first === undefined) return;
  if (isSilence(first)) progress.now(`${host} is slow: asking again, for up to ${patience.second}`);
  else await Bun.sleep(pause * 1000);
  const last = await trouble(reference, progress, patience.second);
  if (last === undefined) return;
  const failure = podmanFailureIn(last.said);
  throw new Failure(exit.failed, `${host}: ${failure?.means ?? "the registry does not answer"}`, {
    tried: [`${isSilence(last) ? `for ${patience.second}` : "twice"}: ${lastWords(last.said)}`],
    next: failure?.next ?? `check the name ${host} and the network`,
    log: progress.log,
  });
}

/** Why the registry cannot be asked; undefined where it answers. */
async function trouble(reference: string, progress: Progress, patience: string): Promise<RegistryTrouble | undefined> {
  try {
    await rawManifest(`docker://${reference}`, { progress, patience });
  } catch (error) {
    if (!(error instanceof RegistryTrouble)) throw error;
    const kind = podmanFailureIn(error.said)?.kind;
    if (kind !== undefined && fatal.includes(kind)) return error;
  }
  return undefined;
}
