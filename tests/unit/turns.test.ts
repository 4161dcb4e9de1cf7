import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { writeLines } from "../../lib/layers/lines.ts";
import { Tree } from "../../lib/layers/tree.ts";
import { inTurns, workInTurns } from "../../lib/layers/turns.ts";
import { Place } from "../support/images.ts";
import { entry } from "../support/tars.ts";

// Ctrl-C is heard in the middle of a long list: each of these lists ends only when the signal was heard, and else never.

const place = new Place();
afterAll(() => place.remove());

/** The same thing again and again, until a signal that is sent right now gets through. */
function* untilSignal<T>(value: T): Generator<T> {
  let heard = false;
  process.once("SIGUSR2", () => {
    heard = true;
  });
  process.kill(process.pid, "SIGUSR2");
  while (!heard) yield value;
}

test("a loop in turns lets signals in", async () => {
  let times = 0;
  await inTurns(untilSignal(1), () => void times++);
  expect(times).toBeGreaterThan(0);
});

test("laying a layer over others does, whiteouts and entries", async () => {
  const tree = new Tree();
  // gone through twice: a new list each time
  await tree.apply({ [Symbol.iterator]: () => untilSignal(entry("a")) }, 0);
  expect(tree.find("a")).toBeGreaterThan(0);
});

test("writing a list for a thread does", async () => {
  await writeLines(join(place.root, "list"), untilSignal({ a: 1 }));
});

test("planning layers does", async () => {
  function* work(): Generator<void, string, void> {
    yield* untilSignal(undefined);
    return "planned";
  }
  expect(await workInTurns(work())).toBe("planned");
});
