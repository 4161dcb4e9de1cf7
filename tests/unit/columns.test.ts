import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { columns, Texts } from "../../lib/layers/columns.ts";
import { Lines, writeLines } from "../../lib/layers/lines.ts";
import { Place } from "../support/images.ts";
import { random } from "../support/tars.ts";

const place = new Place();
afterAll(() => place.remove());

test("texts are kept once, of any bytes and length, and found again", () => {
  const texts = new Texts();
  const next = random(1);
  const known = new Map<string, number>();
  const long = "x".repeat(1 << 19);
  for (const text of ["", "\0", "\xff\xfe", long, `${long}y`]) known.set(text, texts.id(text));
  for (let i = 0; i < 20_000; i++) {
    const text = `${String.fromCharCode(next(256))}${next(5000)}`;
    known.set(text, texts.id(text));
  }
  expect(new Set(known.values()).size).toBe(known.size);
  for (const [text, id] of known) {
    expect(texts.get(id) === text).toBe(true);
    expect(texts.find(text)).toBe(id);
  }
  expect(texts.find("never kept")).toBe(0);
});

test("a column's rows are 0 until they are set, and far ones are no harm to near ones", () => {
  const column = columns.f64();
  expect(column.get(5)).toBe(0);
  column.set(100_000, -1.5);
  column.set(3, 2 ** 50);
  expect([column.get(3), column.get(4), column.get(100_000), column.get(100_001)]).toEqual([2 ** 50, 0, -1.5, 0]);
});

test("lists on disk come back as they were, long lines and odd bytes too, as often as one likes", async () => {
  const path = join(place.root, "list");
  const next = random(2);
  const values = Array.from({ length: 3000 }, (_, i) => ({ i, text: `\n\xff"${"z".repeat(next(600))}` }));
  values.splice(1500, 0, { i: -1, text: "long".repeat(300_000) });
  await writeLines(path, values);
  const lines = new Lines<(typeof values)[number]>(path);
  expect([...lines]).toEqual(values);
  for (const first of lines) {
    expect(first.i).toBe(0);
    break;
  }
  expect([...lines].length).toBe(values.length);
  await writeLines(path, []);
  expect([...lines]).toEqual([]);
});
