import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { countJunit, selectTests } from "../../lib/cli/testing.ts";

const root = mkdtempSync(join(tmpdir(), "slipway-testing-"));
const files = ["unit/args", "integration/build", "vm/boot", "vm/update.slow"].map((name) => `tests/${name}.test.ts`);
for (const file of files) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), "");
}
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each([
  [[], true, files],
  [[], false, files.slice(0, 3)],
  [["vm"], false, ["tests/vm/boot.test.ts"]],
  [["vm"], true, files.slice(2)],
  [["update"], false, ["tests/vm/update.slow.test.ts"]],
  [["unit", "vm"], false, ["tests/unit/args.test.ts", "tests/vm/boot.test.ts"]],
])("%j with slow ones %p", (words, slow, expected) => {
  expect(selectTests(root, words, slow)).toEqual(expected);
});

test("a word for no test is told, with the names as they are typed", () => {
  expect(() => selectTests(root, ["updat3"])).toThrow("no test is called updat3; did you mean `update`?");
});

test("a report is counted, and its failed tests are named", () => {
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
