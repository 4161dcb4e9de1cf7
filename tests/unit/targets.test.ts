// reaches: tests/samples/family/
import { describe, expect, test } from "bun:test";
import { withBases } from "../../lib/builders/build.ts";
import { lookAt } from "../../lib/builders/report.ts";
import {
  allTargets,
  findArch,
  findTarget,
  findTargets,
  reference,
  withAll,
  withArch,
} from "../../lib/family/target.ts";
import { Failure } from "../../lib/system/errors.ts";
import { sampleFamily } from "../support/sample-family.ts";

// The names of targets, and what a wrong one gets.

const family = sampleFamily();

function refused(ask: () => unknown): { code: number; lines: string[] } {
  try {
    ask();
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, lines: error.lines() };
    throw error;
  }
  throw new Error("it was not refused");
}

test("every target, arches as in family.yaml, a base before what is based on it", () => {
  expect(allTargets(family).map((t) => t.reference)).toEqual([
    "registry.test/samples/sample-base:znver4",
    "registry.test/samples/sample-cosmic:znver4",
    "registry.test/samples/sample-gamestation:znver4",
    "registry.test/samples/sample-gnome:znver4",
    "registry.test/samples/sample-base:v3",
    "registry.test/samples/sample-gamestation:v3",
    "registry.test/samples/sample-minimal:amd64",
  ]);
  expect(reference(family, "x", "y")).toBe("registry.test/samples/sample-x:y");
});

describe("named targets", () => {
  const named = (arch: string, ...flavors: string[]) =>
    findTargets(family, findArch(family, arch), flavors).map((t) => t.flavor.name);

  test("all is every flavor of the arch; repeats are dropped, build order is kept", () => {
    expect(named("v3", "all")).toEqual(["base", "gamestation"]);
    expect(named("znver4", "gnome", "base", "gnome")).toEqual(["base", "gnome"]);
    expect(named("amd64", "all", "minimal")).toEqual(["minimal"]);
  });

  test("bases come with them, once and first", () => {
    const of = (arch: string, ...flavors: string[]) =>
      withBases(findTargets(family, findArch(family, arch), flavors), family).map((t) => t.reference.split("-")[1]);
    expect(of("znver4", "gnome", "cosmic")).toEqual(["base:znver4", "cosmic:znver4", "gnome:znver4"]);
    expect(of("amd64", "minimal")).toEqual(["minimal:amd64"]);
  });
});

test("what to do next after a build is short, whatever podman needs on this machine", () => {
  const target = findTarget(family, findArch(family, "amd64"), "minimal");
  expect(lookAt(target, {})).toBe("look inside: podman run --rm -it registry.test/samples/sample-minimal:amd64 bash");
  expect(lookAt(target, { CONTAINERS_CONF: "/somewhere" })).toBe("boot it: bun run try amd64 minimal");
});

describe("an arch that goes without saying", () => {
  test("is put in front of a flavor that has no other", () => {
    expect(withArch(family, ["cosmic"])).toEqual(["znver4", "cosmic"]);
    expect(withArch(family, ["minimal", "minimal"])).toEqual(["amd64", "minimal", "minimal"]);
  });

  test("is not guessed otherwise", () => {
    for (const words of [[], ["gamestation"], ["v3"], ["v3", "cosmic"], ["cosmic", "znver4"], ["cosmc"], ["toString"]])
      expect(withArch(family, words)).toEqual(words);
  });

  test("alone means every flavor, where a command is about all that is published", () => {
    expect(withAll(family, ["v3"])).toEqual(["v3", "all"]);
    for (const words of [[], ["minimal"], ["v3", "base"], ["v4"]]) expect(withAll(family, words)).toEqual(words);
  });
});

describe("a wrong name: exit 2, the nearest word, the list", () => {
  test("arch", () => {
    expect(refused(() => findArch(family, "znver5"))).toEqual({
      code: 2,
      lines: ["unknown arch `znver5`; did you mean `znver4`?", "  the arches of sample: znver4 v3 amd64"],
    });
    expect(refused(() => findArch(family, "gamestation"))).toEqual({
      code: 2,
      lines: [
        "`gamestation` is a flavor; the arch comes first",
        "  next: bun run build znver4 gamestation  or  bun run build v3 gamestation",
      ],
    });
  });

  test("a word that is nothing of an arch's", () => {
    expect(refused(() => findArch(family, "cosmc"))).toEqual({
      code: 2,
      lines: [
        "unknown arch `cosmc`; did you mean the flavor `cosmic`?",
        "  the arches of sample: znver4 v3 amd64",
        "  next: bun run build znver4 cosmic",
      ],
    });
    expect(refused(() => findArch(family, "")).lines[0]).toBe("unknown arch ``");
    expect(refused(() => findArch(family, "all")).lines).toEqual([
      "`all` is every flavor of an arch; the arch comes first",
      "  next: bun run build znver4 all  or  bun run build v3 all  or  bun run build amd64 all",
    ]);
  });

  test("what to write instead is of the command that was given", () => {
    const v3 = findArch(family, "v3", "lint");
    for (const ask of [
      () => findArch(family, "cosmic", "lint"),
      () => findArch(family, "cosmc", "lint"),
      () => findTarget(family, v3, "cosmic", "lint"),
      () => findTargets(family, v3, ["cosmic"], "lint"),
    ])
      expect(refused(ask).lines.at(-1)).toBe("  next: bun run lint znver4 cosmic");
  });

  test("flavor", () => {
    expect(refused(() => findTarget(family, findArch(family, "v3"), "gamesation"))).toEqual({
      code: 2,
      lines: [
        "unknown flavor `gamesation`; did you mean `gamestation`?",
        "  the flavors of v3: base gamestation",
        "  next: bun run list",
      ],
    });
    expect(refused(() => findTarget(family, findArch(family, "v3"), "toString")).lines[0]).toBe(
      "unknown flavor `toString`",
    );
  });

  test("a pair that does not exist", () => {
    expect(refused(() => findTarget(family, findArch(family, "v3"), "cosmic"))).toEqual({
      code: 2,
      lines: [
        "cosmic does not exist for v3; it has: znver4",
        "  the flavors of v3: base gamestation",
        "  next: bun run build znver4 cosmic",
      ],
    });
  });
});
