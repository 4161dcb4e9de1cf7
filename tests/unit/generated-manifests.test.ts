import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { visible } from "../../lib/system/output.ts";
import { hostileManifest, pinned } from "../support/hostile-manifests.ts";
import * as judged from "../support/judge-manifest.ts";
import type { Files } from "../support/small-family.ts";

// Manifests as nobody should write them: two thousand in CI, some hundred for who types `./run test`. Each is accepted or refused
// at a place, and what is accepted cannot leave its place. `bun tests/hostile/manifests.ts` tries others, and says how long each took.

const ground = new judged.Ground();
const folder = mkdtempSync(join(tmpdir(), "slipway-hostile-sh-"));
afterAll(() => {
  ground.remove();
  rmSync(folder, { recursive: true, force: true });
});

const runs = process.env.CI ? 2_000 : 300;

describe("generated manifests", () => {
  const count = { accepted: 0, refused: 0 };
  const shapes: { lines: string[]; calls: string[][] }[] = [];

  test("every one is accepted, or refused with file, line and column; no value changes the Containerfile's shape", () => {
    const look = (files: Files) =>
      ground.with(files, (root) => {
        const verdict = judged.judge(root);
        if ("mistakes" in verdict) {
          count.refused++;
          for (const { file, line, column, message } of verdict.mistakes) {
            expect([file, message]).not.toContain("");
            if (message === "not a readable file") continue; // a folder, a link to nothing
            expect(line).toBeGreaterThan(0);
            expect(column).toBeGreaterThan(0);
          }
          expect(visible(verdict.said)).not.toMatch(/(?!\n|\t)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
          return;
        }
        count.accepted++;
        const { family, manifest } = verdict;
        const tame = judged.harmless(manifest, root);
        for (const [i, target] of judged.targetsOf(family).entries()) {
          const text = judged.containerfile(target, family);
          const shape = (of: string) => judged.instructions(of).map(({ keyword }) => keyword);
          const other = judged.targetsOf(tame)[i];
          if (!other) throw new Error("fewer targets");
          expect(shape(text)).toEqual(shape(judged.containerfile(other, tame)));
          const { found, wanted } = judged.generated(target, family);
          expect(found).toEqual(wanted);
          if (judged.hasUsualRecipe(target, files))
            shapes.push({ lines: judged.shellLines(text), calls: judged.wantedCalls(target, family) });
        }
      });
    for (const files of pinned) look(files);
    // The seed is fixed: a run of the tests finds what the last one found. The script takes another one each time.
    fc.assert(fc.property(hostileManifest, look), { numRuns: runs, seed: 13, endOnFailure: true });
    expect(count.accepted + count.refused).toBe(runs + pinned.length);
    expect(Math.min(count.accepted, count.refused)).toBeGreaterThan(runs / 5);
  }, 600_000);

  test("a shell reads each line of the accepted ones as the words that were meant, and runs nothing else", () => {
    expect(
      judged.calledBy(
        shapes.flatMap((s) => s.lines),
        folder,
      ),
    ).toEqual(shapes.flatMap((s) => s.calls));
    expect(readdirSync(folder)).toEqual([]);
  }, 600_000);
});
