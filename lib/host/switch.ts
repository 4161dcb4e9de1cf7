import { thisCpu } from "../family/arch.ts";
import type { Family, Target } from "../family/family.ts";
import { RegistryTrouble } from "../oci/skopeo.ts";
import { exit, Failure } from "../system/errors.ts";
import { paint, say } from "../system/output.ts";
import { change, commandLine, type Outcome } from "../system/shell.ts";
import { resolve } from "../trust/judge-remote.ts";
import { type Host, type ImageSpec, readHost, stageWords } from "./bootc.ts";
import { armWords, disarmWords, etcIsTransient, lastOutcome } from "./guard.ts";
import { findLocal, findUnpublished, type Published } from "./local-image.ts";
import type { Allowed } from "./old-image.ts";
import { describe, holds, imageRefusals, machineRefusals, refuse, type Situation } from "./refusals.ts";
import { asRoot } from "./root.ts";
import { familyAdvice, judge, judgeLocal, type Trust } from "./trust.ts";

/**
 * Moves a machine to an image, in the order that leaves no hole: what the machine is, what the tag stands for, whether the
 * policy accepts exactly that, the guard, bootc, and whether what bootc staged is what was judged. The guard is armed before
 * bootc starts: it judges only the system that it was told, so a switch that never happened leaves it nothing to do. Killed at
 * any point and run again, what is done already is found done.
 */

export interface SwitchOptions {
  local: boolean;
  dryRun: boolean;
  force: boolean;
  guard: boolean;
  health: string | undefined;
  allow: Allowed;
}

/** What became of it, as `--json` prints it. */
export interface Switched {
  reference: string;
  digest: string;
  state: "booted already" | "staged already" | "staged" | "would be staged";
  booted: string;
  trust: Trust;
  guard: boolean;
  commands: string[];
}

const done = (text: string) => say(`${paint.green("✓")} ${text}`);
const note = (text: string) => say(`${paint.yellow("–")} ${text}`);

interface Source {
  wanted: ImageSpec;
  digests: string[];
  env: Record<string, string>;
  /** Of a registry's image: the digest of its configuration. */
  config?: string;
  trust(family: Family, at: { host: Host; allow: Allowed }): Promise<Trust>;
}

/** A build that only lies here is easily forgotten. */
async function noteUnpublished({ reference, arch, flavor }: Target, published: Published | undefined): Promise<void> {
  const found = await findUnpublished(reference, published);
  if (found) note(`${found}. To take that one: bun run switch ${arch.name} ${flavor.name} --local`);
}

async function sourceOf(target: Target, local: boolean): Promise<Source> {
  const { reference } = target;
  if (local) {
    const { digest, env } = await findLocal(reference);
    const wanted = { image: reference, transport: "containers-storage", signature: "insecure" } as const;
    return { wanted, digests: [digest], env, trust: async () => judgeLocal(reference) };
  }
  const image = await resolve(reference).catch(async (error: unknown) => {
    if (error instanceof RegistryTrouble && error.trouble === "absent") await noteUnpublished(target, undefined);
    throw error;
  });
  const wanted = { image: reference, transport: "registry", signature: "containerPolicy" } as const;
  return {
    wanted,
    digests: [image.digest, image.instance],
    env: {},
    config: image.config,
    trust: (family, at) => judge(image, familyAdvice(family), at),
  };
}

function tellTrust({ policy, scope, signed, unchecked }: Trust, local: boolean): void {
  if (signed) done(`accepted by ${policy}: signed, as it asks for ${scope}`);
  else if (local) note(`a local image has no signature; ${policy} allows it (${scope})`);
  else note(`accepted by ${policy}, which asks no signature of ${scope}: anybody's image would do`);
  for (const what of unchecked) note(`not checked: ${what}`);
}

function failed(what: string, outcome: Outcome, next: string): Failure {
  return new Failure(exit.failed, `${what} (exit code ${outcome.code})`, {
    tried: outcome.said.trim().split("\n").slice(-3),
    next,
  });
}

/** @throws Failure where the machine is not moved, and why */
export async function switchTo(target: Target, family: Family, options: SwitchOptions): Promise<Switched> {
  const { local, dryRun, force } = options;
  const { reference } = target;
  const host = await readHost();
  const cpu = thisCpu();
  const last = lastOutcome();
  const unknown = { image: reference, transport: "registry", signature: undefined };
  const about = { host, target, cpu, last, force };
  refuse(machineRefusals, { ...about, wanted: unknown, digests: [] });
  done(`booted is ${describe(host.booted)}; this CPU runs ${target.arch.name}`);
  if (last && last.outcome !== "good" && last.outcome !== "not-booted")
    note(`the last switch, to ${last.image}: ${last.outcome}${last.because ? `, ${last.because}` : ""}`);

  const source = await sourceOf(target, local);
  const { wanted, digests } = source;
  const digest = digests[0] ?? "";
  done(`${reference} is ${digest}`);
  const at: Situation = { ...about, wanted, digests };
  refuse(imageRefusals, at);
  const trust = await source.trust(family, { host, allow: options.allow });
  tellTrust(trust, local);
  if (source.config) await noteUnpublished(target, { config: source.config, made: trust.made });

  const result = { reference, digest, booted: describe(host.booted), trust };
  if (!host.staged && holds(host.booted, at)) return { ...result, state: "booted already", guard: false, commands: [] };
  const isStaged = holds(host.staged, at);
  const stages = !isStaged || !!host.staged?.downloadOnly;
  const words = asRoot(stageWords(host, wanted, isStaged), source.env);
  const guard = options.guard && !etcIsTransient();
  if (options.guard && !guard) note("no guard: /etc does not outlive a reboot here (prepare-root.conf)");

  const expect = (isStaged ? host.staged?.digest : undefined) ?? digest;
  const arm = armWords({ expect, before: host.booted?.digest, image: reference, health: options.health });
  const commands = [...(guard ? [asRoot(arm)] : []), ...(stages ? [words] : [])];
  const shown = { ...result, guard, commands: commands.map((c) => commandLine(c)) };
  if (guard) {
    const outcome = await change(asRoot(arm), { dryRun });
    if (outcome.code !== 0)
      throw failed("the guard could not be armed", outcome, "fix that, or switch with --no-guard");
  }
  if (!stages) return { ...shown, state: "staged already" };
  const outcome = await change(words, { dryRun, onLine: (line) => line.trim() && say(paint.dim(`  ${line}`)) });
  if (dryRun) return { ...shown, state: "would be staged" };
  const staged = await checkStaged(outcome, at);
  if (staged instanceof Failure) {
    if (guard) await change(asRoot(disarmWords));
    throw staged;
  }
  done(`staged for the next boot: ${describe(staged.staged)}`);
  if (guard) await rearm(staged, expect, arm);
  return { ...shown, state: "staged" };
}

/** bootc may report the digest of this machine's own image instead of its index's. */
async function rearm(host: Host, expect: string, arm: string[]): Promise<void> {
  const digest = host.staged?.digest;
  if (digest === undefined || digest === expect) return;
  await change(asRoot(arm.map((word) => (word === expect ? digest : word))));
}

/** On composefs bootc does not take an image whose files it has already. Source: do_upgrade in its update.rs. */
function afterFailure({ said }: Outcome): string {
  if (/same fs-verity digest as the existing/.test(said))
    return "this machine has a system with exactly these files already; nothing was changed, and there is nothing to stage";
  return "nothing was changed; what is fetched already is kept, so run this again";
}

/** Whether bootc staged what was judged. */
async function checkStaged(outcome: Outcome, at: Situation): Promise<Host | Failure> {
  if (outcome.code !== 0) {
    return failed(`bootc could not stage ${at.wanted.image}`, outcome, afterFailure(outcome));
  }
  const host = await readHost();
  if (!host.staged) {
    // On composefs an upgrade leaves out what is there already. Source: validate_update in bootc's update.rs.
    const before = host.composefs && at.digests.includes(host.rollback?.digest ?? "");
    const next = before
      ? "it is the system before: sudo bootc rollback"
      : "see `sudo bootc status`, and run this again";
    return failed("bootc ended well, and nothing is staged", outcome, next);
  }
  if (holds(host.staged, at)) return host;
  return new Failure(exit.failed, `bootc staged something else than what was judged: ${describe(host.staged)}`, {
    tried: [
      `judged: ${at.wanted.image} ${at.digests[0]}`,
      ...(host.composefs ? [] : [`staged with: ${host.staged.spec?.signature ?? "no policy"}`]),
    ],
    next: "the tag has moved meanwhile, most likely: run this again before you reboot, with --force",
  });
}
