// reaches: lib/builders/containerfile/containerfile.ts
import { afterAll, describe, expect, test } from "bun:test";
import { planTarget } from "../../lib/builders/build.ts";
import { inputKey } from "../../lib/builders/inputs.ts";
import { imageLabels } from "../../lib/builders/labels.ts";
import { parseStatus } from "../../lib/host/bootc.ts";
import { unpublished } from "../../lib/host/local-image.ts";
import { allowedBy, refuseOld, shownTo } from "../../lib/host/old-image.ts";
import type { ImageConfig } from "../../lib/oci/manifest.ts";
import { current } from "../../lib/ship/verify-current.ts";
import { Failure } from "../../lib/system/errors.ts";
import { type Facts, factsOf, labelOf, stampTime, timeOf, versionTime } from "../../lib/trust/facts.ts";
import { type Known, oldImages, type Shown, unchecked } from "../../lib/trust/old-images.ts";
import { digestOf, entry, status } from "../support/bootc-host.ts";
import { sampleFamily } from "../support/sample-family.ts";
import { project, removeProjects, family as small, target } from "../support/small-family.ts";

// A signed image that is not the one which belongs on a machine now: rollback, freeze, mix and match.

const day = 24 * 3600_000;
const now = Date.UTC(2026, 10, 28, 12);
const namespace = "ghcr.io/acme";
const reference = `${namespace}/os-one:v3`;
const [a, b] = [digestOf("a"), digestOf("b")];

const facts = (parts: Partial<Facts> = {}): Facts => ({
  ...{ reference, version: "v3-20261127", staleAfter: 28 * 24 * 3600 },
  ...{ made: now - day, refreshed: now - day },
  ...parts,
});
const booted = (made: number | undefined, digest = b): Known => ({ what: "booted", version: undefined, digest, made });
const shown = (parts: Partial<Shown> = {}): Shown => ({
  ...{ reference, digests: [a], facts: facts(), known: [booted(now - 3 * day)], now },
  ...parts,
});
const names = (parts: Partial<Shown>): string[] => oldImages(shown(parts)).map(({ name }) => name);

describe("what a registry may not show", () => {
  test.each<[string, Partial<Shown>, string[]]>([
    ["a newer one of the same name", {}, []],
    // rollback
    ["one a second older than the booted one", { known: [booted(now - day + 1000)] }, ["older"]],
    ["the other build of the same day, made before", { known: [booted(now - day + 3600_000)] }, ["older"]],
    ["the other build of the same day, made after", { known: [booted(now - day - 3600_000)] }, []],
    ["the booted one itself", { known: [booted(now, a)] }, []],
    ["the booted one by the digest of its instance", { digests: ["x", a], known: [booted(now, a)] }, []],
    ["one of the very same time", { known: [booted(now - day)] }, []],
    ["the booted one, where a newer one is staged", { known: [booted(now - 3 * day, a), booted(now)] }, ["older"]],
    ["one without a date, where the booted one has one", { facts: facts({ made: undefined }) }, ["older"]],
    ["one with a date, where the booted one has none", { known: [booted(undefined)] }, []],
    ["anything, where nothing of the name is booted", { known: [] }, []],
    ["something older than an image of the future", { known: [booted(now + 9 * day)] }, ["older"]],
    // freeze
    ["one refreshed 28 days ago", { facts: facts({ refreshed: now - 28 * day }) }, []],
    ["one refreshed longer ago than it promises", { facts: facts({ refreshed: now - 28 * day - 1 }) }, ["stale"]],
    [
      "the booted one, for ever",
      { known: [booted(now - 40 * day, a)], facts: facts({ refreshed: now - 40 * day }) },
      ["stale"],
    ],
    ["an old one that promises nothing", { facts: facts({ staleAfter: undefined, refreshed: now - 900 * day }) }, []],
    ["an old one that does not say how old", { facts: facts({ refreshed: undefined }) }, []],
    ["one of the future, to a clock in 1970", { now: day, known: [booted(now - 3 * day)] }, []],
    // mix and match
    ["another flavor's", { facts: facts({ reference: `${namespace}/os-two:v3` }) }, ["other"]],
    ["another arch's", { facts: facts({ reference: `${namespace}/os-one:v4` }) }, ["other"]],
    ["its own, by the tag of a day", { reference: `${reference}-20261127` }, []],
    [
      "one by another tag of its own",
      { reference: `${namespace}/os-one:latest`, facts: facts({ tags: ["latest"] }) },
      [],
    ],
    ["one by a tag that it does not have", { reference: `${namespace}/os-one:latest` }, ["other"]],
    [
      "another flavor's, by another tag",
      { reference: `${namespace}/os-two:latest`, facts: facts({ tags: ["latest"] }) },
      ["other"],
    ],
    ["another arch's, by the tag of a day", { reference: `${namespace}/os-one:v4-20261127` }, ["other"]],
    ["its own, by a digest", { reference: `${namespace}/os-one@${a}` }, []],
    ["another flavor's, by a digest", { reference: `${namespace}/os-two@${a}` }, ["other"]],
    ["its own, by tag and digest", { reference: `${reference}@${a}` }, []],
    ["what somebody built on it", { reference: "ghcr.io/ana/mine:latest" }, []],
    [
      "what somebody built on an old one: the label is inherited, and promises nothing there",
      { reference: "ghcr.io/ana/mine:latest", facts: facts({ refreshed: now - 40 * day }) },
      [],
    ],
    ["one that does not say what it is", { facts: facts({ reference: undefined }) }, []],
    // all at once
    [
      "an old one of another arch's",
      { facts: facts({ reference: `${namespace}/os-one:v4`, made: now - 50 * day, refreshed: now - 50 * day }) },
      ["other", "older", "stale"],
    ],
  ])("%s", (_, parts, found) => {
    expect(names(parts)).toEqual(found);
  });

  test("what cannot be looked at is said", () => {
    const about = (parts: Partial<Shown>) => unchecked(shown(parts)).join("\n");
    expect(about({})).toBe("");
    expect(about({ known: [] })).toContain("nothing to compare it with");
    expect(about({ known: [booted(undefined)] })).toContain("nothing to compare it with");
    expect(about({ known: [booted(undefined, a)] })).toBe("");
    expect(about({ facts: facts({ reference: undefined }) })).toContain("for which arch and tag");
    expect(about({ reference: "ghcr.io/ana/mine:latest" })).toMatch(
      /for which arch and tag.*\n.*when it was refreshed/,
    );
    expect(about({ facts: facts({ refreshed: undefined }) })).toContain("when it was refreshed");
    expect(about({ now: day })).toBe(
      "whether it is stale: the clock says 1970-01-02 00:00 UTC, and there is an image of 2026-11-27 12:00 UTC; see timedatectl",
    );
    expect(about({ now: now - 2 * day + 1 })).toBe("");
  });
});

describe("a refusal says what was found, what was expected, and the option that takes it all the same", () => {
  const refused = (parts: Partial<Shown>, ...allowed: string[]): string => {
    try {
      refuseOld(
        shown(parts),
        allowedBy((option) => allowed.includes(option)),
      );
    } catch (error) {
      return error instanceof Failure ? error.lines().join("\n") : String(error);
    }
    return "";
  };
  const rows: [string, Partial<Shown>, string[]][] = [
    [
      "older",
      { known: [booted(now)] },
      [
        `${reference} is older than what is booted`,
        "found: v3-20261127, made 2026-11-27 12:00 UTC (sha256:aaaaaaaaaaaa)",
        "expected: nothing older than what is booted: made 2026-11-28 12:00 UTC (sha256:bbbbbbbbbbbb)",
      ],
    ],
    [
      "stale",
      { facts: facts({ refreshed: now - 40 * day }) },
      [
        `${reference} was not refreshed for 40 days`,
        "found: refreshed 2026-10-19 12:00 UTC (sha256:aaaaaaaaaaaa); this machine's clock says 2026-11-28 12:00 UTC",
        "expected: at most 28 days",
      ],
    ],
    [
      "other",
      { facts: facts({ reference: `${namespace}/os-two:v3` }) },
      [`${reference} is another image: ${namespace}/os-two:v3`, "found: an image that", `expected: ${reference}`],
    ],
  ];
  test.each(rows)("%s", (name, parts, words) => {
    const told = refused(parts);
    for (const word of [...words, `--allow-${name} takes it`, "next: "]) expect(told).toContain(word);
    expect(refused(parts, `allow-${name}`)).toBe("");
    const others = rows.map(([other]) => `allow-${other}`).filter((option) => option !== `allow-${name}`);
    expect(refused(parts, ...others, "force")).toBe(told);
  });
});

test("what a machine has of the same name is what it compares with", () => {
  const at = (image: string, letter: string, more: object) => entry(image, digestOf(letter), more);
  const host = parseStatus(
    JSON.stringify(
      status({
        booted: at(reference, "1", { version: "v3-20261120" }),
        staged: at(reference, "2", { timestamp: "2026-11-21T03:30:00Z", version: "v3-20261121" }),
        rollback: at(reference, "3", { timestamp: "2026-11-27T00:00:00Z" }),
      }),
    ),
  );
  const image = { reference, digest: a, instance: b, config: "", layers: [] };
  const { known } = shownTo(host, image, facts(), now);
  expect(known.map(({ what, made }) => [what, made])).toEqual([
    ["booted", Date.UTC(2026, 10, 20)],
    ["staged", Date.UTC(2026, 10, 21, 3, 30)],
  ]);
  expect(shownTo(host, { ...image, reference: `${namespace}/os-two:v3` }, facts(), now).known).toEqual([]);
});

describe("what is published is dated", () => {
  afterAll(removeProjects);
  const of = small(project());
  const one = target(of, "plain", "one");
  const base = { name: "base", image: { id: "1", digest: "", names: [], labels: {}, size: 1 } };
  const commit = Date.UTC(2026, 10, 1) / 1000;
  const plan = (image: Record<string, string> | undefined, dated: boolean, time = now, refresh = false) => {
    const local = image && { id: "2", digest: "", names: [], labels: image, size: 1 };
    const at = { base, image: local, origin: { revision: undefined, epoch: commit }, now: time };
    return planTarget(one, of, at, { force: false, refresh, noCache: false, dated });
  };

  test("a first build only if it is to be published: two others are equal", () => {
    expect(plan(undefined, false).job.labels[labelOf.refresh]).toBe("");
    const { build, job, refresh } = plan(undefined, true);
    expect(plan(undefined, false, now, true).refresh.stamp).toBe("20261128T120000Z");
    expect([build, refresh.stamp]).toEqual([true, "20261128T120000Z"]);
    expect(job.draft).toMatchObject({ args: { SLIPWAY_REFRESH: "20261128T120000Z" } });
    expect(job.labels).toMatchObject({
      [labelOf.reference]: "registry.test/toys/toy-one:plain",
      [labelOf.created]: "2026-11-28T12:00:00Z",
      [labelOf.version]: "plain-20261128",
      [labelOf.staleAfter]: "672h",
    });
  });

  test("an undated image is built anew before it is published, a dated one is not", () => {
    const undated = plan(undefined, false).job.labels;
    expect(plan(undated, false)).toMatchObject({ build: false });
    const again = plan(undated, true);
    expect(again).toMatchObject({ build: true, why: "it does not say how old its packages are" });
    expect(plan(again.job.labels, true, now + day)).toMatchObject({ build: false });
    expect(plan(again.job.labels, true, now + 3 * day)).toMatchObject({ build: true });
  });

  test("another promise of the family is another image", () => {
    const key = (staleAfter: number) => {
      const other = { ...of, staleAfter };
      return inputKey(one, other, "", { parts: () => [] });
    };
    expect(key(3600)).not.toBe(key(7200));
  });
});

describe("what an image says of itself", () => {
  const rootfs: ImageConfig["rootfs"] = { type: "layers", diff_ids: [] };
  const of = (labels: Record<string, unknown>, created?: string) =>
    factsOf({ config: { Labels: labels as Record<string, string> }, rootfs, ...(created ? { created } : {}) });

  test("is what a build wrote", () => {
    const family = sampleFamily();
    const [flavor] = family.flavors.values();
    const [arch] = family.arches.values();
    if (!flavor || !arch) throw new Error("the sample family is empty");
    const its = { flavor, arch: { ...arch, tags: ["latest", "stable"] }, reference };
    const written = (epoch: number, stamp: string) =>
      of(imageLabels(its, family, { revision: undefined, epoch }, { name: "x", digest: undefined }, stamp));
    const commit = Date.UTC(2026, 10, 20, 8) / 1000;
    const refreshed = Date.UTC(2026, 10, 21, 3, 30);
    expect(written(commit, "20261121T033000Z")).toEqual({
      ...{ reference, tags: ["latest", "stable"], version: `${arch.name}-20261121` },
      ...{ made: refreshed, refreshed, staleAfter: family.staleAfter },
    });
    // without a stamp two first builds are equal: an image is as new as its commit
    expect(written(commit, "")).toMatchObject({ made: commit * 1000, refreshed: undefined });
    expect(written(refreshed / 1000 + 60, "20261121T033000Z").made).toBe(refreshed + 60_000);
    expect(written(0, "").made).toBeUndefined();
  });

  test("times in every form", () => {
    expect(timeOf("2026-11-21T03:30:00Z")).toBe(Date.UTC(2026, 10, 21, 3, 30));
    expect(timeOf("2026-11-21T03:30:00.123456789+02:00")).toBe(Date.UTC(2026, 10, 21, 1, 30, 0, 123));
    expect(stampTime("20261121T033000Z")).toBe(Date.UTC(2026, 10, 21, 3, 30));
    expect(versionTime("znver4-20261121")).toBe(Date.UTC(2026, 10, 21));
    expect(["43.20261121.2", "1.2.3", "v3", "20261121"].map(versionTime)).toEqual(Array(4).fill(undefined));
    expect(of({}, "2026-11-21T03:30:00Z").made).toBe(Date.UTC(2026, 10, 21, 3, 30));
    const [none, wrong] = [factsOf({ rootfs }), factsOf({ rootfs, config: { Labels: null } })];
    expect([none.made, wrong.reference]).toEqual([undefined, undefined]);
  });

  // every label with every value that somebody could put there: nothing is thrown, and nothing that comes out is strange
  const values: unknown[] = [
    ...["", " ", "0", "-1", "\0", "\u001b[2J", "a\nb", "\u202e", "NaN", "Infinity", "1e999", "99999999999999999999"],
    ...["+275760-09-13T00:00:00Z", "9999-99-99T99:99:99Z", "0000-00-00T00:00:00Z", "1970-01-01T00:00:00Z", "today"],
    ...["99999999T999999Z", "00000000T000000Z", "v3-99999999", "v3-00000000", "20261121T033000", "2026-11-21"],
    ...["0h", "-1d", "1y", "999999999w", "1.5d", "9e9d", "d", "٣d", "4w\n", " 4w"],
    ...["ghcr.io/acme/os-one:v3\u0007", "../../etc", "GHCR.IO/x", "https://x/y", `x/${"y".repeat(999)}`, "x y"],
    ...[null, 7, [], {}, true, ["4w"], { toString: "x" }],
  ];
  test.each(Object.values(labelOf))(`${values.length} values of %s`, (name) => {
    for (const value of values) {
      const { reference: ref, version, made, refreshed, staleAfter } = of({ [name]: value }, "nonsense");
      for (const word of [ref, version]) if (word !== undefined) expect(word).toMatch(/^[\x21-\x7e]{1,256}$/);
      for (const time of [made, refreshed])
        if (time !== undefined) expect(time > 0 && Number.isFinite(new Date(time).getTime())).toBe(true);
      if (staleAfter !== undefined) expect(staleAfter > 0 && Number.isSafeInteger(staleAfter)).toBe(true);
      expect(() => unchecked(shown({ facts: of({ [name]: value }) }))).not.toThrow();
    }
  });
});

describe("verify, on the side of those who publish", () => {
  const published = { reference } as Parameters<typeof current>[0];
  const at = (time: number, digest = b) => ({ digest, at: new Date(time).toISOString() });
  test.each<[string, Partial<Facts>, Parameters<typeof current>[3], string, RegExp]>([
    ["what was pushed", {}, at(now - day, a), "good", /^refreshed 2026-11-27 12:00 UTC$/],
    ["nothing was pushed from here", {}, undefined, "good", /^refreshed/],
    ["a newer one, pushed from elsewhere", {}, at(now - 2 * day), "good", /^refreshed/],
    [
      "an older one than was pushed",
      {},
      at(now),
      "bad",
      /^the tag has an older image: found sha256:a.*expected sha256:b/,
    ],
    ["one without a date", { made: undefined }, at(now), "bad", /made at an unknown time/],
    ["another flavor's", { reference: `${namespace}/os-two:v3` }, at(now, a), "bad", /is another image: ghcr.io/],
    ["stale", { refreshed: now - 40 * day }, undefined, "bad", /was not refreshed for 40 days; found: .*; expected: /],
    [
      "of the future",
      { made: now + 2 * day },
      undefined,
      "bad",
      /made in the future: found 2026-11-30.*at most 2026-11-28/,
    ],
    ["of a clock that is a little ahead", { made: now + day / 2 }, undefined, "good", /^refreshed/],
    ["not dated", { refreshed: undefined }, undefined, "good", /cannot check how old its packages are/],
    [
      "of an older Slipway",
      { refreshed: undefined, reference: undefined },
      undefined,
      "good",
      /which reference it is, nor/,
    ],
  ])("%s", (_, parts, pushed, state, said) => {
    expect(current(published, a, facts(parts), pushed, now)).toEqual({
      state: state as "good",
      said: expect.stringMatching(said) as unknown as string,
    });
  });
});

describe("a build in podman's storage beside the registry's image", () => {
  const iso = (time: number) => new Date(time).toISOString().replace(".000", "");
  const local = (made: number | undefined, id = "1") => ({
    ...{ id, digest: a, names: [reference], size: 1 },
    labels: made === undefined ? {} : { [labelOf.created]: iso(made) },
  });
  const published = (made: number | undefined) => ({ config: "sha256:2", made });

  test.each<[string, ReturnType<typeof local>, ReturnType<typeof published> | undefined, string | undefined]>([
    ["a second newer", local(now + 1000), published(now), "has a newer ghcr.io/acme/os-one:v3, made 2026-11-28 12:00"],
    ["a second older", local(now - 1000), published(now), undefined],
    ["another of the same date", local(now), published(now), "has another ghcr.io/acme/os-one:v3, made 2026-11-28"],
    ["the very same, by its id", local(now + day, "2"), published(now), undefined],
    ["one without a date", local(undefined), published(now), "which is newer is not known"],
    ["the registry's has no date", local(now), published(undefined), "which is newer is not known"],
    ["the registry has none", local(undefined), undefined, "which the registry does not have"],
  ])("%s", (_, image, other, said) => {
    expect(unpublished(image, reference, other) ?? "").toContain(said ?? "");
    expect(unpublished(image, reference, other) === undefined).toBe(said === undefined);
  });
});
