// reaches: tests/samples/
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bestArch, missingFlags, parseCpuFlags, refuseForeignCpu, thisCpu } from "../../lib/family/arch.ts";
import { findArch, findTarget } from "../../lib/family/target.ts";
import { Failure } from "../../lib/system/errors.ts";
import { noticeLine } from "../../lib/system/notice.ts";
import { sampleFamily } from "../support/sample-family.ts";
import { checkout } from "../support/sandbox.ts";

// What a CPU runs, by samples of /proc/cpuinfo.

const family = sampleFamily();

const path = (name: string) => join(checkout, "tests/samples", `cpuinfo-${name}`);
const sample = (name: string) => parseCpuFlags(readFileSync(path(name), "utf8"));

describe("the best arch, and what the others lack", () => {
  test.each<[string, string, Record<string, string[]>]>([
    ["zen4", "znver4", { znver4: [], v3: [], amd64: [] }],
    ["skylake", "v3", { znver4: ["avx512_vnni"], v3: [], amd64: [] }],
    ["haswell", "v3", { znver4: ["avx512_vnni"], v3: [], amd64: [] }],
    ["x86-64", "amd64", { znver4: ["avx512_vnni"], v3: ["avx2"], amd64: [] }],
  ])("%s: %s", (name, best, lacks) => {
    const flags = sample(name);
    expect(bestArch(family.arches.values(), flags)?.name).toBe(best);
    expect(Object.fromEntries([...family.arches.values()].map((a) => [a.name, missingFlags(a, flags)]))).toEqual(lacks);
  });
});

test("flags are whole words of the first processor's own line", () => {
  expect(parseCpuFlags("vmx flags\t: ept\nflags\t\t: fpu avx512f\n\nflags\t\t: other\n")).toEqual(
    new Set(["fpu", "avx512f"]),
  );
  expect(sample("haswell").has("ept_x_only")).toBe(false);
  expect(parseCpuFlags("")).toEqual(new Set());
  expect(parseCpuFlags("flags\t\t:\n")).toEqual(new Set());
});

test("a CPU that runs nothing of the family has no best arch", () => {
  const [znver4, v3] = [...family.arches.values()];
  if (!znver4 || !v3) throw new Error("the family has lost its arches");
  expect(bestArch([znver4, v3], sample("x86-64"))).toBeUndefined();
  expect(bestArch([], sample("zen4"))).toBeUndefined();
});

test("a notice is one line that GitHub reads, whatever the CPU is called", () => {
  expect(noticeLine("v4: a, b", "100 %\r\n::error::c, d")).toBe(
    "::notice title=v4%3A a%2C b::100 %25%0D%0A::error::c, d",
  );
});

describe("on a CPU of another kind", () => {
  const before = process.env.SLIPWAY_CPUINFO;
  afterAll(() => {
    if (before === undefined) delete process.env.SLIPWAY_CPUINFO;
    else process.env.SLIPWAY_CPUINFO = before;
  });
  const targets = (...pairs: [string, string][]) => pairs.map(([a, f]) => findTarget(family, findArch(family, a), f));

  test("the model and its flags are read from where the environment says", () => {
    process.env.SLIPWAY_CPUINFO = path("zen4");
    expect(thisCpu().model).toBe("AMD Ryzen 7 7700X 8-Core Processor");
  });

  test("a build is refused with the flags that it lacks", () => {
    process.env.SLIPWAY_CPUINFO = path("skylake");
    expect(() => refuseForeignCpu(targets(["v3", "base"], ["amd64", "minimal"]))).not.toThrow();
    try {
      refuseForeignCpu(targets(["v3", "base"], ["znver4", "cosmic"]));
      throw new Error("it was not refused");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      expect(error.lines()).toEqual([
        "this CPU cannot run znver4: it lacks avx512_vnni",
        "  tried: /proc/cpuinfo: Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz",
        "  next: build it anyway with --force, or build another arch (`bun run doctor` shows which run here)",
      ]);
      expect(error.code).toBe(1);
    }
  });
});
