import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { selectTests } from "../../lib/cli/test-files.ts";
import { readHeader } from "../../lib/dev/header.ts";
import { countJunit, failedParts } from "../../lib/dev/junit.ts";
import { Progress } from "../../lib/dev/progress.ts";
import { importsOf, reachedBy } from "../../lib/dev/reach.ts";
import { estimate, inOrder, type Job, nextJob, shard } from "../../lib/dev/schedule.ts";
import { waits } from "../../lib/dev/times.ts";
import { timesTree } from "../../lib/dev/times-tree.ts";

// The runner of the tests, but for what it starts.

const roots: string[] = [];
function root(files: Record<string, string>): string {
  const made = mkdtempSync(join(tmpdir(), "slipway-testing-"));
  roots.push(made);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(made, file)), { recursive: true });
    writeFileSync(join(made, file), text);
  }
  return made;
}
afterAll(() => {
  for (const made of roots) rmSync(made, { recursive: true, force: true });
});

describe("words", () => {
  const files = ["unit/args", "integration/build-all", "integration/build", "vm/boot", "vm/update.slow"].map(
    (name) => `tests/${name}.test.ts`,
  );
  const here = root(Object.fromEntries(files.map((file) => [file, ""])));

  test.each([
    [[], true, files],
    [[], false, files.slice(0, 4)],
    [["vm"], false, ["tests/vm/boot.test.ts"]],
    [["vm"], true, files.slice(3)],
    [["update"], false, ["tests/vm/update.slow.test.ts"]],
    [["unit", "vm"], false, ["tests/unit/args.test.ts", "tests/vm/boot.test.ts"]],
    // a whole name is that file; a part is every file that has it
    [["build"], false, ["tests/integration/build.test.ts"]],
    [["buil"], false, files.slice(1, 3)],
    [["vm/update"], false, ["tests/vm/update.slow.test.ts"]],
    // beside a suite it comes in addition
    [["unit", "vm/update"], false, ["tests/unit/args.test.ts", "tests/vm/update.slow.test.ts"]],
    [["buil", "vm/update"], false, [...files.slice(1, 3), "tests/vm/update.slow.test.ts"]],
  ])("%j with slow ones %p", (words, slow, expected) => {
    expect(selectTests(here, words, slow)).toEqual(expected);
  });

  test("a word for no test is an error that names the tests as they are typed", () => {
    expect(() => selectTests(here, ["updat3"])).toThrow("no test is called updat3; did you mean `update`?");
    expect(() => selectTests(here, ["unit", "vm/updat"])).toThrow("no test is called vm/updat");
    expect(() => selectTests(here, ["args", "nothing"])).toThrow("no test is called nothing");
  });
});

describe("what Bun reports", () => {
  test("is counted, and failed tests are named", () => {
    const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="1" failures="2" skipped="1" time="0.06">
  <testsuite name="a.test.ts" file="a.test.ts" tests="4" failures="2" skipped="1">
    <testcase name="good" classname="" time="0.1" file="a.test.ts" line="2" assertions="0" />
    <testcase name="bad &amp; &lt;one&gt; &quot;q&quot;" classname="a group" file="a.test.ts" line="3">
      <failure type="AssertionError" message="x"></failure>
    </testcase>
    <testcase name="left out" classname="" file="a.test.ts" line="4" assertions="0">
      <skipped />
    </testcase>
    <testcase name="bad two" classname="" time="0.1" file="a.test.ts" line="5" assertions="0">
      <failure type="Error" message="x">Error: x</failure>
    </testcase>
  </testsuite>
</testsuites>`;
    const failures = ['a.test.ts:3 bad & <one> "q"', "a.test.ts:5 bad two"];
    expect(countJunit(report)).toEqual({ passed: 1, failed: 2, skipped: 1, failures });
    expect(countJunit("")).toEqual({ passed: 0, failed: 0, skipped: 0, failures: [] });
  });

  test("of its output, failed tests are shown with what was expected", () => {
    const said =
      "a.test.ts:\n(pass) one\nerror: expect(received)\nExpected: 1\nReceived: 2\n(fail) two [1ms]\n(skip) three\n";
    expect(failedParts(said)).toEqual(["error: expect(received)\nExpected: 1\nReceived: 2\n(fail) two [1ms]"]);
    expect(failedParts("error: Cannot find module x\n")).toEqual(["error: Cannot find module x"]);
  });
});

describe("what a change reaches", () => {
  const here = root({
    "lib/a.ts": 'import { b } from "./b.ts";\n',
    "lib/b.ts": 'export type { C } from "./c.ts";\n',
    "lib/c.ts": 'const d = await import("./d.ts");\n',
    "lib/d.ts": "",
    "scripts/build.ts": 'import { a } from "../lib/a.ts";\n',
    "overlays/base/etc/x": "",
    "tests/unit/d.test.ts": 'import "../../lib/d.ts";\n',
    "tests/integration/build.test.ts":
      '// needs: toolbox\n// reaches: build overlays/\nimport { test } from "bun:test";\n',
  });
  const tests = ["tests/unit/d.test.ts", "tests/integration/build.test.ts"];

  test("is found by imports of every form", () => {
    expect(importsOf(here, "lib/c.ts")).toEqual(["lib/d.ts"]);
    expect(reachedBy(here, tests, ["lib/d.ts"])).toEqual([
      { file: "tests/unit/d.test.ts", because: "lib/d.ts" },
      {
        file: "tests/integration/build.test.ts",
        because: "lib/d.ts ← lib/c.ts ← lib/b.ts ← lib/a.ts ← scripts/build.ts",
      },
    ]);
  });

  test("and by what a file declares: commands and folders", () => {
    const [build] = tests.slice(1);
    expect(reachedBy(here, tests, ["overlays/base/etc/x"])).toEqual([
      { file: build, because: "overlays/base/etc/x ← overlays/" },
    ] as never);
    expect(reachedBy(here, tests, ["README.md"])).toEqual([]);
    expect(reachedBy(here, tests, [build ?? ""])).toEqual([{ file: build, because: "it changed itself" }] as never);
    expect(reachedBy(here, tests, ["bun.lock"]).map(({ because }) => because)).toEqual([
      "bun.lock may change anything",
      "bun.lock may change anything",
    ]);
  });

  test("a header is read from comments of its own only", () => {
    const text = "// needs: toolbox registry\n// It needs: nothing\n// reaches: push\n// reaches: sign\n";
    expect(readHeader(text)).toEqual({
      needs: ["toolbox", "registry"],
      reaches: ["push", "sign"],
      unshared: false,
    });
    expect(readHeader("// unshared: too many layers\n").unshared).toBe(true);
  });
});

describe("the order", () => {
  const job = (id: string, seconds: number, after: string[] = []): Job => ({ id, seconds, after });
  const jobs = [job("short", 1), job("long", 50), job("need", 5, ["root"]), job("root", 5), job("last", 45, ["need"])];

  test("begins with what the most work waits for", () => {
    expect(inOrder(jobs).map(({ id }) => id)).toEqual(["root", "long", "need", "last", "short"]);
    expect(estimate(jobs, 2)).toBe(55);
    expect(estimate(jobs, 1)).toBe(106);
  });

  test("waits for what a job needs", () => {
    const waiting = inOrder(jobs);
    expect(nextJob(waiting, [])?.id).toBe("root");
    const begun = waiting.filter(({ id }) => id !== "root");
    expect(nextJob(begun, ["root"])?.id).toBe("long");
    const rest = begun.filter(({ id }) => id !== "long" && id !== "short");
    expect(nextJob(rest, ["root"])).toBeUndefined();
    expect(nextJob(rest, [])?.id).toBe("need");
  });

  test("shards take about equal time, and together they are everything", () => {
    const seconds: Record<string, number> = { a: 9, b: 8, c: 7, d: 3, e: 2, f: 1 };
    const parts = [1, 2, 3].map((index) => shard(Object.keys(seconds), (file) => seconds[file] ?? 0, index, 3));
    expect(parts).toEqual([
      ["a", "f"],
      ["b", "e"],
      ["c", "d"],
    ]);
  });
});

describe("times", () => {
  test("waits of one kind that overlap count once", () => {
    const spans = [
      { what: "build", began: 0, ended: 4000 },
      { what: "build", began: 1000, ended: 6000 },
      { what: "push", began: 0, ended: 1500 },
      { what: "build", began: 8000, ended: 9000 },
    ];
    expect(waits(spans)).toEqual({ build: 7, push: 1.5 });
  });

  test("the tree has the slowest files first, each with what it waited for", () => {
    const file = (id: string, seconds: number, waited: Record<string, number>) => {
      return { id, seconds, at: 0, passed: 1, failed: 0, skipped: 0, failures: [], waited };
    };
    const files = [
      file("tests/unit/a.test.ts", 10, {}),
      file("tests/vm/b.slow.test.ts", 90, { boot: 60, ssh: 20, look: 1 }),
    ];
    const lines = timesTree({ began: "2026-01-01T00:00:00Z", seconds: 50, jobs: 2, files });
    expect(lines[0]).toBe("2026-01-01T00:00:00Z: 2 files in 50.0s, 2 at a time; 1m40s of work");
    expect(lines.slice(lines.indexOf("the slowest files:") + 1)).toEqual([
      "   1m30s 180 %  vm/b",
      "   1m00s 120 %     boot",
      "   20.0s  40 %     ssh",
      "   10.0s  20 %  unit/a",
    ]);
  });
});

describe("how long the rest takes", () => {
  const job = (id: string, seconds: number): Job => ({ id, seconds, after: [] });
  const [need, first, second] = [
    job("tests/needs/x.ts", 1),
    job("tests/unit/a.test.ts", 10),
    job("tests/unit/b.test.ts", 40),
  ];

  test("follows from how long this machine took for the files that ended", () => {
    const progress = new Progress([first, second], 1);
    progress.ended(first, 20);
    expect(progress.text([second], 0)).toBe("1 of 2, about 80 s left");
  });

  test("does not follow from what is made for them: that may come from a cache, or not", () => {
    const progress = new Progress([need, first, second], 1);
    progress.ended(need, 200);
    expect(progress.text([first, second], 0)).toBe("1 of 3, about 50 s left");
  });
});
