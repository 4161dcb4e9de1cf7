import { withoutItsTag } from "../oci/reference.ts";
import type { Facts } from "./facts.ts";

/**
 * A registry can show an image that is signed and still not the one that belongs there: an older one (rollback), the same
 * one for ever (freeze), another arch's or flavor's (mix and match). One row each. A check that is not possible is reported,
 * not passed silently.
 */

/** An image that the machine has, or that was pushed from here. */
export interface Known {
  /** "booted", "staged" */
  what: string;
  digest: string | undefined;
  version: string | undefined;
  made: number | undefined;
}

/** What the registry shows, and by what it is judged. */
export interface Shown {
  reference: string;
  /** The digests that it goes by. */
  digests: string[];
  facts: Facts;
  /** Of the same reference. */
  known: Known[];
  /** This machine's clock: milliseconds since 1970. */
  now: number;
}

export const oldNames = ["other", "older", "stale"] as const;
export type OldName = (typeof oldNames)[number];

export interface OldImage {
  name: OldName;
  said: string;
  found: string;
  expected: string;
  /** Possible causes, and what to do. */
  next: string;
}

/** A clock that is set to local time is up to 14 hours off, and no machine's is exact. */
export const clockSlack = 24 * 3600_000;

export const date = (time: number) => `${new Date(time).toISOString().slice(0, 16).replace("T", " ")} UTC`;
const days = (milliseconds: number) => `${Math.floor(milliseconds / (24 * 3600_000))} days`;

/** "znver4-20261121, made 2026-11-21 03:30 UTC (sha256:0123456789ab)" */
function describe({ version, made }: Pick<Facts, "version" | "made">, digest: string | undefined): string {
  const when = made === undefined ? "without a date" : `made ${date(made)}`;
  return [...(version ? [`${version},`] : []), when, ...(digest ? [`(${digest.slice(0, 19)})`] : [])].join(" ");
}

const bare = (reference: string) => reference.replace(/@.*$/, "");
const namespace = (reference: string) => bare(reference).replace(/\/[^/]*$/, "");

/**
 * Whether the labels are the image's own. An image that somebody builds on one of the family inherits its labels, but is in
 * another namespace; there another key signs, and the name in the signature tells images apart.
 */
function isOwn({ reference, facts }: Shown): boolean {
  return facts.reference !== undefined && namespace(facts.reference) === namespace(reference);
}

/** A tag of a day, `znver4-20261121`, is a name of the image too, and so are its other tags, and a digest without a tag. */
function isNamed(followed: string, own: string, tags: string[] = []): boolean {
  const name = bare(followed);
  const repository = withoutItsTag(own);
  const names = [own, repository, ...tags.map((tag) => `${repository}:${tag}`)];
  return names.includes(name) || name.replace(/-\d{8}$/, "") === own;
}

/** The newest image of the reference that the machine has, without the shown one: it cannot be older than itself. */
function newest({ known, digests }: Shown): Known | undefined {
  const others = known.filter(({ digest, made }) => made !== undefined && !digests.includes(digest ?? ""));
  return others.sort((a, b) => (b.made ?? 0) - (a.made ?? 0))[0];
}

const rows: ((shown: Shown) => OldImage | undefined)[] = [
  (shown) => {
    const { reference, digests, facts } = shown;
    if (facts.reference === undefined || !isOwn(shown) || isNamed(reference, facts.reference, facts.tags))
      return undefined;
    return {
      name: "other",
      said: `${bare(reference)} is another image: ${facts.reference}`,
      found: `found: an image that says it is ${facts.reference} (${digests[0]?.slice(0, 19)})`,
      expected: `expected: ${bare(reference)}, in the label org.slipway.reference`,
      next: "the registry shows one image under another's name: tell those who publish it",
    };
  },
  (shown) => {
    const { reference, digests, facts } = shown;
    const had = newest(shown);
    if (had?.made === undefined || (facts.made !== undefined && facts.made >= had.made)) return undefined;
    return {
      name: "older",
      said: `${bare(reference)} is older than what is ${had.what}`,
      found: `found: ${describe(facts, digests[0])}`,
      expected: `expected: nothing older than what is ${had.what}: ${describe(had, had.digest)}`,
      next: "those who publish it took a build back, or the registry shows an old one: ask them",
    };
  },
  (shown) => {
    const { reference, digests, facts, now } = shown;
    const { refreshed, staleAfter } = facts;
    if (!isOwn(shown) || refreshed === undefined || staleAfter === undefined) return undefined;
    const age = now - refreshed;
    if (age <= staleAfter * 1000) return undefined;
    return {
      name: "stale",
      said: `${bare(reference)} was not refreshed for ${days(age)}`,
      found: `found: refreshed ${date(refreshed)} (${digests[0]?.slice(0, 19)}); this machine's clock says ${date(now)}`,
      expected: `expected: at most ${days(staleAfter * 1000)}, as the image itself promises`,
      next: "if the clock is wrong, correct it (timedatectl); else nobody builds it any more, or the registry holds newer ones back: ask those who publish it",
    };
  },
];

/** Everything that is wrong with what a registry shows; pure. */
export function oldImages(shown: Shown): OldImage[] {
  return rows.flatMap((row) => row(shown) ?? []);
}

/** What could not be checked, as sentences. */
export function unchecked(shown: Shown): string[] {
  const { facts, known, digests, now } = shown;
  const own = isOwn(shown);
  const found: string[] = [];
  if (!own) found.push("for which arch and tag this image was built: it does not say so");
  if (!known.some(({ digest, made }) => made !== undefined || digests.includes(digest ?? "")))
    found.push("whether it is older than before: there is nothing to compare it with");
  const ahead = latestOf(shown);
  if (ahead > now + clockSlack)
    found.push(
      `whether it is stale: the clock says ${date(now)}, and there is an image of ${date(ahead)}; see timedatectl`,
    );
  else if (!own || facts.refreshed === undefined || facts.staleAfter === undefined)
    found.push("whether it is stale: it does not say when it was refreshed");
  return found;
}

/** If the machine's clock is behind the date of an image that it has, either this clock is behind or the builder's was ahead. */
function latestOf({ facts, known }: Shown): number {
  return Math.max(facts.made ?? 0, facts.refreshed ?? 0, ...known.map(({ made }) => made ?? 0));
}
