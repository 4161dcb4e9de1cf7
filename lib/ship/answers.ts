import { exit, Failure } from "../cli/errors.ts";
import { type FailureKind, podmanFailureIn } from "../cli/podman-failures.ts";
import type { Progress } from "../cli/steps.ts";
import { lastWords, RegistryTrouble, rawManifest } from "../image/skopeo.ts";

/** A registry that has not answered by then will not answer a push either. */
const patience = "8s";
/** Seconds before the second and last question to a registry that refuses connections: it may be starting. */
const pause = 1;

/** What keeps every further request from it too. Another refusal, say of the login, is an answer. */
const fatal: FailureKind[] = ["unreachable", "certificate", "plain http"];

const asked = new Map<string, Promise<void>>();

/**
 * Sees to it that the registry of an image answers, before anything is done that takes time. Each registry is asked once a command,
 * by skopeo, which is what speaks to it afterwards.
 * @throws Failure with the registry's name and what to check
 */
export function needAnswer(reference: string, progress: Progress): Promise<void> {
  const host = reference.split("/")[0] ?? "";
  const known = asked.get(host) ?? ask(host, reference, progress);
  asked.set(host, known);
  return known;
}

async function ask(host: string, reference: string, progress: Progress): Promise<void> {
  progress.now(`asking whether ${host} answers`);
  const first = await trouble(reference, progress);
  if (first === undefined) return;
  const isSilent = /deadline exceeded|timeout/i.test(first.said);
  if (!isSilent) await Bun.sleep(pause * 1000);
  const last = isSilent ? first : await trouble(reference, progress);
  if (last === undefined) return;
  const failure = podmanFailureIn(last.said);
  throw new Failure(exit.failed, `${host}: ${failure?.means ?? "the registry does not answer"}`, {
    tried: [`${isSilent ? `for ${patience}` : "twice"}: ${lastWords(last.said)}`],
    next: failure?.next ?? `check the name ${host} and the network`,
    log: progress.log,
  });
}

/** Why the registry cannot be asked; undefined where it answers. */
async function trouble(reference: string, progress: Progress): Promise<RegistryTrouble | undefined> {
  try {
    await rawManifest(`docker://${reference}`, { progress, patience });
  } catch (error) {
    if (!(error instanceof RegistryTrouble)) throw error;
    const kind = podmanFailureIn(error.said)?.kind;
    if (kind !== undefined && fatal.includes(kind)) return error;
  }
  return undefined;
}
