import { missingFlags } from "../family/arch.ts";
import type { Target } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import { type Entry, type Host, type ImageSpec, sameSpec } from "./bootc.ts";
import type { GuardOutcome } from "./guard.ts";

/** Why a machine is not moved: rows that are looked at in order, the first that holds is shown. */

export interface Situation {
  host: Host;
  target: Target;
  cpu: { model: string; flags: Set<string> };
  wanted: ImageSpec;
  /** What the tag stands for, as bootc may report it. */
  digests: string[];
  last: GuardOutcome | undefined;
  force: boolean;
}

interface Refusal<S = Situation> {
  name: string;
  holds(at: S): boolean;
  tell(at: S): Failure;
}

/** "ghcr.io/a/b:t (sha256:0123456789ab)" */
export function describe(entry: Entry | undefined): string {
  if (!entry) return "nothing";
  const digest = entry.digest ? ` (${entry.digest.slice(0, 19)})` : "";
  return `${entry.spec?.image ?? "no image"}${digest}`;
}

/** This very image, with this very trust, is what an entry holds. */
export function holds(entry: Entry | undefined, { wanted, digests }: Pick<Situation, "wanted" | "digests">): boolean {
  return !!entry?.spec && sameSpec(entry.spec, wanted, entry.composefs) && digests.includes(entry.digest ?? "");
}

/** Of what bootc says of the machine: told before anything is fetched. */
export const hostRefusals: Refusal<Pick<Situation, "host">>[] = [
  {
    name: "no bootc host",
    holds: ({ host }) => !host.booted,
    tell: () =>
      new Failure(exit.missing, "this machine was not booted from an image: it is no bootc host", {
        tried: ["bootc status: status.booted is null"],
        next: "install the image on a disk, or try it in a virtual machine",
      }),
  },
  {
    name: "read-only",
    holds: ({ host }) => host.readOnly,
    tell: () =>
      new Failure(exit.failed, "this system runs from a medium that cannot be changed, such as a live ISO", {
        tried: ["bootc status: status.readOnly is true"],
        next: "install it on a disk first",
      }),
  },
  {
    name: "layered packages",
    holds: ({ host }) => !!host.booted?.incompatible,
    tell: () =>
      new Failure(exit.failed, "this system has packages layered on it, or other changes that bootc does not know", {
        tried: ["bootc status: status.booted.incompatible is true"],
        next: "see them with `rpm-ostree status`, take them back with `sudo rpm-ostree reset`, reboot, and run this again",
      }),
  },
  {
    name: "layered packages, staged",
    holds: ({ host }) => !!host.staged?.incompatible,
    tell: () =>
      new Failure(exit.failed, "what is staged has packages layered on it: bootc does not replace it", {
        tried: ["bootc status: status.staged.incompatible is true"],
        next: "drop it with `sudo rpm-ostree cleanup --pending`, and run this again",
      }),
  },
];

/** Of the machine and of what is asked for. */
export const machineRefusals: Refusal[] = [
  ...hostRefusals,
  {
    name: "rollback queued",
    holds: ({ host, force }) => host.rollbackQueued && !force,
    tell: ({ host }) =>
      new Failure(exit.failed, `the next boot goes back to ${describe(host.rollback)}: a rollback is queued`, {
        tried: ["bootc status: status.rollbackQueued is true"],
        next: "reboot, or take it back with `sudo bootc rollback`; --force stages the image all the same",
      }),
  },
  {
    name: "CPU",
    holds: ({ target, cpu }) => missingFlags(target.arch, cpu.flags).length > 0,
    tell: ({ target, cpu }) =>
      new Failure(
        exit.failed,
        `this CPU cannot run ${target.arch.name}: it lacks ${missingFlags(target.arch, cpu.flags).join(" ")}`,
        { tried: [`/proc/cpuinfo: ${cpu.model}`], next: "take another arch (`bun run doctor` shows which run here)" },
      ),
  },
];

/** Of the machine and the image that the tag stands for right now. */
export const imageRefusals: Refusal[] = [
  {
    name: "something else staged",
    holds: (at) => !!at.host.staged && !holds(at.host.staged, at) && !at.force,
    tell: ({ host }) =>
      new Failure(exit.failed, `something else is staged already: ${describe(host.staged)}`, {
        tried: ["bootc status: status.staged"],
        next: "reboot into it, or stage this one in its place with --force",
      }),
  },
  {
    name: "rolled back before",
    holds: ({ last, digests, force }) => last?.outcome === "rolled-back" && digests.includes(last.expect) && !force,
    tell: ({ last }) =>
      new Failure(exit.failed, `this image was tried on this machine and rolled back: ${last?.because}`, {
        tried: ["/var/lib/slipway/guard, and the journal of that boot: journalctl -b -1 -u slipway-guard"],
        next: "wait for another build, or try it again with --force",
      }),
  },
];

/** @throws the first refusal that holds */
export function refuse<S>(refusals: Refusal<S>[], at: S): void {
  const refusal = refusals.find((r) => r.holds(at));
  if (refusal) throw refusal.tell(at);
}
