import { describe, expect, test } from "bun:test";
import { type Style, tableText } from "../../lib/system/table.ts";

const plain: Style = (cell) => cell;
const rows = [
  ["name", "kind", "what it is"],
  ["first", "short", "a sentence that is longer than the others of this table"],
  ["second-one", "s", "brief"],
];
const at = (width: number, spare: number[] = []) => tableText(rows, plain, { width, spare, head: true });

describe("a table in a terminal", () => {
  test("that is wide enough is as it is", () => {
    expect(at(200)).toBe(tableText(rows, plain, {}));
    expect(at(74)).toBe(tableText(rows, plain, {}));
  });

  test("folds its last column at spaces", () => {
    expect(at(50, [1])).toBe(`name        kind   what it is
first       short  a sentence that is longer than
                   the others of this table
second-one  s      brief`);
  });

  test("leaves out columns, the least important first, before a folded one is too narrow to read", () => {
    expect(at(38, [1])).toBe(`name        what it is
first       a sentence that is longer
            than the others of this
            table
second-one  brief`);
  });

  test("becomes blocks where nothing else helps, without the names of the columns", () => {
    expect(at(30, [1])).toBe(`first
  short
  a sentence that is longer
  than the others of this
  table
second-one
  s  brief`);
  });

  test("never cuts a word, such as an image's name, and colours are no width", () => {
    const names = [["one", `ghcr.io/${"a".repeat(40)}:tag`]];
    expect(tableText(names, plain, { width: 30 })).toBe(`one\n  ghcr.io/${"a".repeat(40)}:tag`);
    expect(tableText([["a", "b"]], (cell, column) => `<${column}${cell}>`, { width: 4 })).toBe("<0a>  <1b>");
  });

  test("has no line that is too long, and keeps every word of the columns that stay", () => {
    for (let width = 20; width < 90; width++) {
      const text = at(width, [1]);
      expect(text.split("\n").filter((line) => line.length > width)).toEqual([]);
      for (const word of rows
        .slice(1)
        .flatMap((row) => [row[0], row[2]])
        .join(" ")
        .split(" "))
        expect(text).toContain(word);
    }
  });
});
