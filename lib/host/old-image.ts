import { exit, Failure } from "../system/errors.ts";
import type { Facts } from "../trust/facts.ts";
import type { Resolved } from "../trust/judge-remote.ts";
import { type OldName, oldImages, oldNames, type Shown } from "../trust/old-images.ts";
import type { Host } from "./bootc.ts";

/** Refuses a signed image that does not belong on this machine now, and knows the options that allow it. */

export type Allowed = ReadonlySet<OldName>;

/** Of `--allow-older` and its like. */
export function allowedBy(has: (option: string) => boolean): Allowed {
  return new Set(oldNames.filter((name) => has(`allow-${name}`)));
}

/** What a registry shows, and what this machine has of the same reference. */
export function shownTo(host: Host, image: Resolved, facts: Facts, now: number): Shown {
  const entries = [
    { what: "booted", ...host.booted },
    { what: "staged", ...host.staged },
  ];
  const known = entries.filter(({ spec }) => spec?.image === image.reference && spec.transport === "registry");
  const digests = [image.digest, image.instance];
  return {
    ...{ reference: image.reference, digests, facts, now },
    known: known.map(({ what, digest, version, made }) => ({ what, digest, version, made })),
  };
}

/** @throws Failure for the first reason that nobody allowed */
export function refuseOld(shown: Shown, allow: Allowed): void {
  const wrong = oldImages(shown).find(({ name }) => !allow.has(name));
  if (!wrong) return;
  const { name, said, found, expected, next } = wrong;
  throw new Failure(exit.failed, said, {
    tried: [found, expected],
    next: `${next}; --allow-${name} takes it anyway`,
  });
}
