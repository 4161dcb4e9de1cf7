import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manyFiles } from "../../lib/bench/many.ts";
import { byTurns, median, once, peakOf } from "../../lib/bench/measure.ts";
import { otherKernels } from "../../lib/bench/pairs.ts";
import { writeBenchmarks } from "../../lib/bench/report.ts";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { readTree } from "../../lib/layers/read-tree.ts";
import { openImage } from "../../lib/oci/source.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the median is the middle value, in whatever order they come", () => {
  expect(median([30, 4, 100])).toBe(30);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test("commands are measured by turns; the first round only warms up", async () => {
  const file = join(folder, "turns");
  const say = (word: string) => ({ argv: ["sh", "-c", `printf %s "$WORD" >>${file}`], env: { WORD: word } });
  const samples = await byTurns(2, [say("a"), say("b")]);
  expect(readFileSync(file, "utf8")).toBe("ababab");
  expect(samples).toHaveLength(2);
  for (const { ms, memory } of samples) expect([ms > 0, memory > 0]).toEqual([true, true]);
});

test("a command that fails is no measurement: its words are shown", async () => {
  const failing = ["sh", "-c", "echo it broke >&2; exit 4"];
  await expect(once(failing)).rejects.toThrow("exit code 4\nit broke");
  await expect(peakOf(failing)).rejects.toThrow("exit code 4\nit broke");
});

test("only the parts that were measured are written anew", () => {
  const file = join(folder, "benchmarks.md");
  const figure = (what: string) => ({ what, figure: "$& 1 s", goal: "2 s", beside: "–" });
  writeBenchmarks(
    new Map([
      ["first", [figure("old")]],
      ["second", [figure("kept")]],
    ]),
    file,
  );
  writeBenchmarks(new Map([["first", [figure("new")]]]), file);
  const text = readFileSync(file, "utf8");
  expect(text).toStartWith("# Benchmarks\n");
  expect(text.match(/\| (old|new|kept) \|.*/g)).toEqual(["| new | $& 1 s | 2 s | – |", "| kept | $& 1 s | 2 s | – |"]);
});

test("the image of many small files has that many, and is read as an image", async () => {
  const image = join(folder, "many");
  manyFiles(image, 1000);
  const pool = new LayerPool();
  try {
    const { tree } = await readTree(await openImage(`oci:${image}`, { work: folder }), pool, folder);
    expect(tree.children(tree.find("usr/share")).length).toBe(800);
    expect(tree.find("usr/share/package-7/folder-1/some-file-name-807.txt")).toBeGreaterThan(0);
  } finally {
    pool.close();
  }
});

test("one kernel a step: the newest in odd steps, the oldest in even ones", () => {
  const names = ["6.1.0-9-amd64", "6.1.0-10-amd64"];
  expect(otherKernels(1, names)).toEqual(["/usr/lib/modules/6.1.0-9-amd64"]);
  expect(otherKernels(2, names)).toEqual(["/usr/lib/modules/6.1.0-10-amd64"]);
});
