#!/usr/bin/env bun
import { builds, startUp } from "../lib/bench/build.ts";
import { machineProgram } from "../lib/bench/program.ts";
import { rechunks } from "../lib/bench/rechunk.ts";
import { writeBenchmarks } from "../lib/bench/report.ts";
import { machines } from "../lib/bench/vm.ts";
import { command } from "../lib/cli/command.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { didYouMean } from "../lib/system/nearest.ts";
import { print, printJson, say, table } from "../lib/system/output.ts";

const benches = { start: startUp, build: builds, program: machineProgram, vm: machines, rechunk: rechunks };
/** Needs tens of gigabytes and half an hour: only where it is asked for. */
const heavy = ["rechunk"];

await command("bench", async (args) => {
  const names = Object.keys(benches);
  const wanted = args.words.length ? args.words : names.filter((name) => !heavy.includes(name));
  for (const word of wanted)
    if (!names.includes(word))
      throw new Failure(exit.usage, `no benchmark is called \`${word}\`${didYouMean(word, names)}`, {
        tried: [`the benchmarks: ${names.join(" ")}`],
      });
  const sections = new Map();
  for (const [name, measure] of Object.entries(benches)) {
    if (!wanted.includes(name)) continue;
    say(`measuring: ${name}`);
    sections.set(name, await measure());
  }
  writeBenchmarks(sections);
  if (args.has("json")) return printJson(Object.fromEntries(sections));
  print(table([...sections.values()].flat().map((f) => [f.what, f.figure, `goal ${f.goal}`, f.beside])));
});
