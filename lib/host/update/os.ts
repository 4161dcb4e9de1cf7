import { exit, Failure } from "../../system/errors.ts";
import { bytes, paint, say } from "../../system/output.ts";
import { foreground } from "../../system/shell.ts";
import { repositoryOf, resolve } from "../../trust/judge-remote.ts";
import { type Host, type ImageSpec, readHost, stageWords } from "../bootc.ts";
import { findLocal } from "../local-image.ts";
import type { Allowed } from "../old-image.ts";
import { describe, hostRefusals, refuse } from "../refusals.ts";
import { asRoot, onPath } from "../root.ts";
import { type Advice, judge, judgeLocal } from "../trust.ts";

/**
 * The system image: what its tag stands for now, whether the policy verifies exactly that, then bootc, and whether what bootc
 * staged is what was judged. A policy that would take the image unsigned verifies nothing, and is a refusal too. Only an image
 * from this machine's own storage carries no signature; it came from nowhere.
 */

/** What the tag stands for, judged. */
interface Judged {
  /** The digests under which bootc may report it. */
  digests: string[];
  /** Bytes to download at most; undefined where nothing can be told. */
  download: number | undefined;
}

/** Where the machine stands with its image. */
export interface OsState {
  state: "current" | "staged" | "available";
  image: string;
  digest: string;
  download: number | undefined;
}

/**
 * On ostree systems the files as the image brought them stay in /usr/etc; on composefs only bootc knows them.
 * Source: `config-diff` in bootc's cli.rs.
 */
const advice: Advice = (refused, composefs) =>
  refused === undefined
    ? `put back what the image brought in /etc/containers: ${composefs ? "`sudo bootc config-diff` shows what differs" : "compare it with /usr/etc/containers"}`
    : "this system is left as it is; try again later, and if it stays so, tell those who publish the image";

/** @throws Failure for a machine whose system bootc does not update */
async function hostOf(): Promise<{ host: Host; spec: ImageSpec }> {
  const host = await readHost();
  refuse(hostRefusals, { host });
  if (host.rollbackQueued)
    throw new Failure(exit.failed, `the next boot goes back to ${describe(host.rollback)}: a rollback is queued`, {
      tried: ["bootc status: status.rollbackQueued is true"],
      next: "reboot, or take it back with `sudo bootc rollback`; then run this again",
    });
  if (!host.spec)
    throw new Failure(exit.failed, "this system follows no image", {
      tried: ["bootc status: spec.image is empty"],
      next: "choose one: sudo bootc switch --enforce-container-sigpolicy IMAGE",
    });
  return { host, spec: host.spec };
}

/** Layers that the booted image does not have; all of them where the registry forgot that one. */
async function downloadFrom(host: Host, image: Awaited<ReturnType<typeof resolve>>): Promise<number> {
  const booted = host.booted?.digest;
  const old = booted ? await resolve(`${repositoryOf(image.reference)}@${booted}`).catch(() => undefined) : undefined;
  const had = new Set(old?.layers.map(({ digest }) => digest));
  return image.layers.reduce((sum, { digest, size }) => sum + (had.has(digest) ? 0 : size), 0);
}

async function judged(host: Host, spec: ImageSpec, allow: Allowed): Promise<Judged> {
  if (spec.transport === "containers-storage") {
    const { digest } = await findLocal(spec.image);
    judgeLocal(spec.image);
    return { digests: [digest], download: 0 };
  }
  if (spec.transport !== "registry")
    throw new Failure(exit.failed, `the system comes from ${spec.transport}:${spec.image}: nobody vouches for that`, {
      tried: ["bootc status: the transport of spec.image"],
      next: "if you trust it: sudo bootc upgrade",
    });
  const image = await resolve(spec.image);
  const { policy, scope, signed, unchecked } = await judge(image, advice, { host, allow });
  if (!signed)
    throw new Failure(exit.failed, `this machine's policy would not verify ${spec.image}: anybody's image would do`, {
      tried: [`${policy}: no signature is asked for by ${scope}`],
      next: advice(undefined, host.composefs),
    });
  for (const what of unchecked) say(`${paint.yellow("–")} not checked: ${what}`);
  return { digests: [image.digest, image.instance], download: await downloadFrom(host, image) };
}

/** What an update of the system would bring. @throws Failure where it is refused, or nobody answers */
export async function lookAtOs(allow: Allowed): Promise<OsState & { host: Host; spec: ImageSpec; digests: string[] }> {
  const { host, spec } = await hostOf();
  say(`… asking where ${spec.image} comes from, and the policy about it`);
  const { digests, download } = await judged(host, spec, allow);
  const has = (digest: string | undefined) => digest !== undefined && digests.includes(digest);
  const state =
    has(host.staged?.digest) && !host.staged?.downloadOnly
      ? "staged"
      : has(host.booted?.digest) && !host.staged
        ? "current"
        : "available";
  return { state, image: spec.image, digest: digests[0] ?? "", download, host, spec, digests };
}

/** @returns what became of it, in words @throws Failure where nothing is staged, or not what was judged */
export async function updateOs(dryRun: boolean, allow: Allowed): Promise<string> {
  const { state, image, digest, host, spec, digests, download } = await lookAtOs(allow);
  if (state === "current") return `${image} is up to date`;
  if (state === "staged") return `${image} is staged already`;
  const isStaged = digests.includes(host.staged?.digest ?? "");
  const code = await foreground(asRoot(stageWords(host, spec, isStaged)), { dryRun });
  if (dryRun) return `${image} would be staged${download ? `, ${bytes(download)} to download` : ""}`;
  if (code !== 0)
    throw new Failure(exit.failed, `bootc could not stage ${image} (exit code ${code})`, {
      next: "nothing was changed; what is fetched already is kept, so run this again",
    });
  const { staged } = await readHost();
  // An image with other labels and the same files is no other system on composefs. Source: validate_update in bootc's update.rs.
  if (!staged && host.composefs)
    return `nothing was staged: this machine has a system with the files of ${image} ${digest.slice(0, 19)} already`;
  if (!staged)
    throw new Failure(exit.failed, "bootc ended well, and nothing is staged", {
      next: "see `sudo bootc status`, and run this again",
    });
  if (!digests.includes(staged.digest ?? ""))
    throw new Failure(exit.failed, `bootc staged something else than what was judged: ${describe(staged)}`, {
      tried: [`judged: ${image} ${digests[0]}`],
      next: "the tag has moved meanwhile, most likely: run this again before you reboot",
    });
  return `staged for the next boot: ${describe(staged)}`;
}

/** The system that the next boot brings; undefined where a reboot changes nothing. A machine without bootc has none. */
export async function rebootDue(): Promise<string | undefined> {
  if (!onPath("bootc")) return undefined;
  const host = await readHost().catch(() => undefined);
  if (host?.staged && !host.staged.downloadOnly) return describe(host.staged);
  return host?.rollbackQueued ? describe(host.rollback) : undefined;
}
