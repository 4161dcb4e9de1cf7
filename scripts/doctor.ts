#!/usr/bin/env bun
import { existsSync } from "node:fs";
import { command } from "../lib/cli/command.ts";
import { exit, Failure } from "../lib/cli/errors.ts";
import { type State, spaceHealth, toolHealth } from "../lib/cli/health.ts";
import { type Answer, askRegistry, memory, spaceAt } from "../lib/cli/machine.ts";
import { bytes, paintOut, print, printJson, table } from "../lib/cli/output.ts";
import { podman } from "../lib/cli/podman.ts";
import { statePath } from "../lib/cli/project.ts";
import { tools } from "../lib/cli/tool-table.ts";
import { findTool, mendCommand } from "../lib/cli/tools.ts";
import { missingFlags, thisCpu } from "../lib/family/arch.ts";
import type { Family } from "../lib/family/family.ts";
import { familyIfGood } from "../lib/family/if-good.ts";
import { probeKvm } from "../lib/vm/accelerator.ts";

const marks: Record<State, string> = {
  good: paintOut.green("✓"),
  note: paintOut.yellow("–"),
  missing: paintOut.red("✗"),
};

function section(title: string, rows: [State, ...string[]][]): string {
  const body = table(rows.map(([state, ...cells]) => [marks[state], ...cells])).replaceAll(/^/gm, "  ");
  return `${paintOut.bold(title)}\n${body}\n\n`;
}

/** Whether podman gets as far as its storage, and where that is. */
async function podmanHealth(): Promise<{ works: boolean; graphRoot: string | null; because: string }> {
  try {
    const { code, stdout, said } = await podman(["info", "--format", "{{.Store.GraphRoot}}"]);
    const own = existsSync(statePath("containers.conf")) ? ", with settings of our own for this machine" : "";
    if (code === 0) return { works: true, graphRoot: stdout.trim(), because: `podman info answers${own}` };
    return { works: false, graphRoot: null, because: said.trim().split("\n").at(-1) ?? "" };
  } catch (error) {
    if (error instanceof Failure) return { works: false, graphRoot: null, because: error.message };
    throw error;
  }
}

function registries(of: Family | undefined): string[] {
  const bases = [...(of?.arches.values() ?? [])].map(({ base }) => ("image" in base ? base.image : "docker.io/"));
  return [...new Set([...bases, ...(of ? [of.registry] : ["docker.io"])].map((name) => name.split("/")[0] ?? ""))];
}

function registryRow({ registry, answers, because }: Answer): [State, string, string] {
  return [answers ? "good" : "note", registry, answers ? "answers" : `does not answer: ${because}`];
}

await command("doctor", async (args) => {
  const of = await familyIfGood();
  const [store, answers] = await Promise.all([podmanHealth(), Promise.all(registries(of).map((r) => askRegistry(r)))]);
  const offline = answers.some((a) => a.registry === "docker.io" && !a.answers);
  const found = [];
  for (const { name } of tools) found.push(await findTool(name));
  const health = found.map((f) => toolHealth(f, mendCommand(f), { offline }));
  const kvm = await probeKvm({ build: false });
  const cpu = thisCpu();
  const arches = [...(of?.arches.values() ?? [])].map((arch) => ({
    name: arch.name,
    missing: missingFlags(arch, cpu.flags),
  }));
  const places = [...(store.graphRoot ? [store.graphRoot] : []), statePath()].map(spaceAt);
  const ram = memory();
  const good = store.works && health.every((h) => h.state !== "missing");
  const code = good ? exit.done : exit.missing;
  if (args.has("json")) {
    const family = of?.name ?? null;
    printJson({
      good,
      family,
      tools: health,
      podman: store,
      registries: answers,
      cpu: cpu.model,
      arches,
      kvm,
      disk: places,
      memory: ram,
    });
    return code;
  }

  print(
    section(
      "Tools",
      health.map((h) => [h.state, h.name, h.version ?? "", h.range, h.from, h.purpose]),
    ),
  );
  const remarks = health.flatMap((h) => (h.remark ? [`  ${h.name}: this machine's will not do: ${h.remark}`] : []));
  if (remarks.length) print(`${remarks.join("\n")}\n`);
  print(
    section("Machine", [
      [store.works ? "good" : "missing", "podman", store.because],
      ["good", "CPU", cpu.model],
      ...(of ? [] : [["note", "arches", "the manifest has mistakes: bun run lint"] satisfies [State, string, string]]),
      ...arches.map(({ name, missing }): [State, string, string] => [
        missing.length ? "note" : "good",
        `arch ${name}`,
        missing.length ? `does not run here: the CPU lacks ${missing.join(" ")}` : "runs here",
      ]),
      [kvm.state === "works" ? "good" : "note", "KVM", `${kvm.state}: ${kvm.because}`],
      ["good", "memory", `${bytes(ram.available)} available of ${bytes(ram.total)}`],
      ...places.map((place): [State, string, string] => {
        const { state, text } = spaceHealth(place);
        return [state, place.path, text];
      }),
      ...answers.map(registryRow),
    ]),
  );
  const mends = health.filter((h) => h.mend !== null && h.state !== "good");
  if (mends.length) {
    const rows = mends.map((h): [State, string, string] => [h.state, h.name, h.mend ?? ""]);
    print(section("What mends it", rows));
  }
  if (good) print("Everything that is needed is here.");
  return code;
});
