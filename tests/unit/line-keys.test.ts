import { expect, test } from "bun:test";
import { editLine } from "../../lib/cli/line-keys.ts";

test.each<[string, string, string]>([
  ["u", "one two|three", "|three"],
  ["u", "|one", "|one"],
  ["w", "one two |three", "one |three"],
  ["w", "one-two|", "|"],
  ["w", "  |x", "|x"],
  ["k", "one| two", "one|"],
])("Ctrl-%s makes %j %j", (key, before, after) => {
  const cursor = before.indexOf("|");
  const edited = editLine(key, before.replace("|", ""), cursor);
  expect(`${edited?.text.slice(0, edited.cursor)}|${edited?.text.slice(edited.cursor)}`).toBe(after);
});

test("another key means nothing", () => {
  for (const key of ["", "x", "toString"]) expect(editLine(key, "one", 1)).toBeUndefined();
});
