import { readFileSync } from "node:fs";
import { exit, Failure } from "../system/errors.ts";
import type { Arch, Target } from "./family.ts";

/**
 * The CPU flags of a /proc/cpuinfo text (the first processor's; `flags` on x86).
 * Source: proc_cpuinfo(5).
 */
export function parseCpuFlags(cpuinfo: string): Set<string> {
  const line = /^flags\s*:\s*(.*)$/m.exec(cpuinfo);
  return new Set(line?.[1]?.split(/\s+/).filter(Boolean));
}

/** This machine's CPU: its model's name and its flags. */
export function thisCpu(): { model: string; flags: Set<string> } {
  const text = readFileSync(process.env.SLIPWAY_CPUINFO ?? "/proc/cpuinfo", "utf8");
  return { model: /^model name\s*:\s*(.*)$/m.exec(text)?.[1] ?? "unknown", flags: parseCpuFlags(text) };
}

/** What a CPU lacks to run an arch; empty means that it runs. */
export function missingFlags(arch: Arch, flags: Set<string>): string[] {
  return arch.needs.filter((flag) => !flags.has(flag));
}

/**
 * The arches that CI builds at a time; those without a time of their own are built at each.
 * @param time as cron writes it, or `any`
 * @throws Failure (usage) for a time at which none is built
 */
export function builtAt(arches: Arch[], time: string): Arch[] {
  const found = time === "any" ? arches : arches.filter(({ schedule }) => (schedule ?? time) === time);
  if (found.length) return found;
  throw new Failure(exit.usage, `no arch is built at \`${time}\``, {
    tried: arches.map(({ name, schedule }) => `${name}: ${schedule}`),
    next: "write the same times into `schedule` in flavors/family.yaml and into the workflow",
  });
}

/** The first arch of the family, best first, that a CPU with these flags runs. */
export function bestArch(arches: Iterable<Arch>, flags: Set<string>): Arch | undefined {
  for (const arch of arches) if (missingFlags(arch, flags).length === 0) return arch;
  return undefined;
}

/** A Failure naming the flags that this CPU lacks for any of the targets; undefined where it runs them all. */
export function foreignCpu(targets: Target[]): Failure | undefined {
  const { model, flags } = thisCpu();
  for (const arch of new Set(targets.map((t) => t.arch))) {
    const missing = missingFlags(arch, flags);
    if (missing.length)
      return new Failure(exit.failed, `this CPU cannot run ${arch.name}: it lacks ${missing.join(" ")}`, {
        tried: [`/proc/cpuinfo: ${model}`],
        next: "build it anyway with --force, or build another arch (`bun run doctor` shows which run here)",
      });
  }
  return undefined;
}

/** @throws Failure naming the flags that this CPU lacks for any of the targets. */
export function refuseForeignCpu(targets: Target[]): void {
  const failure = foreignCpu(targets);
  if (failure) throw failure;
}
