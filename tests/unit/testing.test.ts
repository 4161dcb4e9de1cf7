import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { selectTests } from "../../lib/cli/testing.ts";

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
