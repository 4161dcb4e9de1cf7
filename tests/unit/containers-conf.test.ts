import { expect, test } from "bun:test";
import { containersConf, merge, neededSettings, type PodmanFacts, toToml } from "../../lib/tools/containers-conf.ts";

/** A machine as podman expects it. */
const plain: PodmanFacts = {
  cgroups: "v2",
  runc: null,
  isRoot: true,
  mayRaiseLimits: true,
  openFiles: 1_048_576,
  processes: Number.POSITIVE_INFINITY,
};
const bounded = { mayRaiseLimits: false, openFiles: 20000, processes: 32768 };

test.each<[string, Partial<PodmanFacts>, object]>([
  ["a pure version 2 tree needs nothing", {}, {}],
  ["nor does it with runc beside crun", { runc: "/usr/bin/runc" }, {}],
  ["a pure version 1 tree runs with either", { cgroups: "v1", runc: "/usr/bin/runc" }, {}],
  ["a hybrid tree takes runc", { cgroups: "hybrid", runc: "/usr/bin/runc" }, { engine: { runtime: "/usr/bin/runc" } }],
  ["a hybrid tree without runc is left as it is", { cgroups: "hybrid" }, {}],
  [
    "root without CAP_SYS_RESOURCE asks for no more than it has",
    bounded,
    { containers: { default_ulimits: ["nofile=20000:20000", "nproc=32768:32768"], pids_limit: 0 } },
  ],
  [
    "a limit as high as podman's own is not named",
    { ...bounded, openFiles: 1_048_576 },
    { containers: { default_ulimits: ["nproc=32768:32768"], pids_limit: 0 } },
  ],
  ["with no hard limit there is none to name", { mayRaiseLimits: false }, { containers: { pids_limit: 0 } }],
  ["rootless podman minds its limits itself", { ...bounded, isRoot: false }, {}],
  [
    "rootless on a hybrid tree still takes runc",
    { ...bounded, isRoot: false, cgroups: "hybrid", runc: "/usr/bin/runc" },
    { engine: { runtime: "/usr/bin/runc" } },
  ],
])("%s", (_, facts, settings) => {
  expect(neededSettings({ ...plain, ...facts })).toEqual(settings as never);
});

test("no file where nothing is needed, whatever the user's files say", () => {
  expect(containersConf(plain, { engine: { runtime: "crun" } }, true)).toBeUndefined();
});

const odd = { ...plain, ...bounded, cgroups: "hybrid", runc: "/usr/bin/runc" } as const;

test("what the user set stays", () => {
  const users = { containers: { pids_limit: 99 }, engine: { runtime: "kata", env: ["a=b"] } };
  const text = containersConf(odd, users, false) ?? "";
  expect(Bun.TOML.parse(text)).toEqual({
    containers: { default_ulimits: ["nofile=20000:20000", "nproc=32768:32768"] },
  });
});

test("a file that stands in for the user's files repeats them", () => {
  const users = { containers: { env: ["A=1"] }, engine: { runtimes: { kata: ["/usr/bin/kata"] } } };
  expect(Bun.TOML.parse(containersConf(odd, users, true) ?? "")).toEqual({
    containers: { env: ["A=1"], default_ulimits: ["nofile=20000:20000", "nproc=32768:32768"], pids_limit: 0 },
    engine: { runtimes: { kata: ["/usr/bin/kata"] }, runtime: "/usr/bin/runc" },
  });
});

test("TOML reads back as it was", () => {
  const value = {
    top: true,
    a: { text: 'say "hi" \\ ünï', list: [1, ["x"]], empty: {}, "a key": { deep: -2 } },
    b: { only: { tables: "here" } },
  };
  expect(Bun.TOML.parse(toToml(value)) as object).toEqual(value);
});

test("merging goes table by table, lists are taken whole", () => {
  expect(merge({ a: { x: 1, l: [1] }, b: 1 }, { a: { l: [2] }, c: 3 })).toEqual({ a: { x: 1, l: [2] }, b: 1, c: 3 });
});
