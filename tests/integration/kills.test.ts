// needs: tiny toolbox
// reaches: build lint disk rechunk clean
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Kill, Killing } from "../support/kills.ts";

// Commands are killed in their middle, and nothing is left. `bun tests/kills.ts` does the same hundreds of times.
setDefaultTimeout(600_000);

const killing = new Killing();
beforeAll(() => killing.prepare());
afterAll(() => killing.remove());

test.each<[string, Kill, number]>([
  ["build", "SIGINT", 0.3],
  ["build", "SIGINT", 0.7],
  ["build", "SIGKILL", 0.5],
  ["build", "SIGKILL", 0.8],
  ["lint", "SIGINT", 0.6],
  ["lint", "SIGKILL", 0.6],
  ["disk", "SIGINT", 0.5],
  ["disk", "SIGKILL", 0.6],
  ["rechunk", "SIGKILL", 0.7],
  ["clean", "SIGKILL", 0.7],
])("%s, %s: nothing is left, the store is whole, the next one works", async (command, signal, at) => {
  expect((await killing.kill(command, signal, at)).left).toEqual([]);
});
