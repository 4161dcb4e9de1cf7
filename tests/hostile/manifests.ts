#!/usr/bin/env bun
import fc from "fast-check";
import { bombs, hostileManifest } from "../support/hostile-manifests.ts";
import { Ground, judge } from "../support/judge-manifest.ts";
import { type Files, small } from "../support/small-family.ts";

// bun tests/hostile/manifests.ts [COUNT [SEED]]: how many generated manifests are accepted and refused, and how much of a processor's
// time they take: the machine may have other work.
// Every bomb is tried at its largest too. What is neither accepted nor refused is printed, and ends with exit code 1.

const [count = 2_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number);
const ground = new Ground();
const times: { took: number; files: Files }[] = [];
const found = { accepted: 0, refused: 0, defects: 0 };

function look(files: Files): void {
  ground.with(files, (root) => {
    const began = process.cpuUsage();
    try {
      found["mistakes" in judge(root) ? "refused" : "accepted"]++;
    } catch (error) {
      found.defects++;
      console.error(JSON.stringify(files).slice(0, 400), error);
    }
    const { user, system } = process.cpuUsage(began);
    times.push({ took: (user + system) / 1000, files });
  });
}

for (const files of fc.sample(hostileManifest, { numRuns: count, seed })) look(files);
const one = small["flavors/one.yaml"] ?? "";
for (const make of bombs) for (const size of [5_000, 20_000]) look({ "flavors/one.yaml": one + make(size) });
ground.remove();

times.sort((a, b) => b.took - a.took);
console.log({ seed, ...found, median: `${times[times.length >> 1]?.took.toFixed(1)} ms` });
for (const { took, files } of times.slice(0, 5))
  console.log(`${took.toFixed(0)} ms`, JSON.stringify(files).slice(0, 160));
process.exitCode = found.defects ? 1 : 0;
