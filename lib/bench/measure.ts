import { existsSync, readFileSync } from "node:fs";

/** How long a command takes and how much memory it has at most. */
export interface Sample {
  /** Milliseconds, from start to end of the whole process. */
  ms: number;
  /** Bytes of resident memory at the peak, of this process alone. */
  memory: number;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Runs a command once. @throws Error with its words when it fails. */
export async function once(argv: string[], env: Record<string, string> = {}, cwd?: string): Promise<Sample> {
  const began = performance.now();
  // Not by zx: the time and memory of this process alone are measured.
  const child = Bun.spawn(argv, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
    ...(cwd ? { cwd } : {}),
  });
  const said = await new Response(child.stderr).text();
  const code = await child.exited;
  const ms = performance.now() - began;
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}\n${said}`);
  return { ms, memory: child.resourceUsage()?.maxRSS ?? 0 };
}

/**
 * The most memory that a command of some seconds has, in bytes. The kernel is asked while it runs: what it says of a process that has
 * ended counts in the memory of the one that started it.
 * @throws Error with its words when it fails.
 */
export async function peakOf(argv: string[]): Promise<number> {
  // Not by zx: the time and memory of this process alone are measured.
  const child = Bun.spawn(argv, { stdio: ["ignore", "ignore", "pipe"], env: process.env });
  const said = new Response(child.stderr).text();
  let peak = 0;
  while (child.exitCode === null) {
    await Promise.race([child.exited, Bun.sleep(100)]);
    const path = `/proc/${child.pid}/status`;
    const status = existsSync(path) ? readFileSync(path, "utf8") : "";
    peak = Math.max(peak, Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024);
  }
  if (child.exitCode !== 0) throw new Error(`${argv.join(" ")}: exit code ${child.exitCode}\n${await said}`);
  return peak;
}

/** Runs several commands by turns, so that a noisy machine is noisy for all of them; the median of each. */
export async function byTurns(
  rounds: number,
  commands: { argv: string[]; env?: Record<string, string> }[],
): Promise<Sample[]> {
  const samples: Sample[][] = commands.map(() => []);
  for (let round = 0; round <= rounds; round++)
    for (const [i, { argv, env }] of commands.entries()) {
      const sample = await once(argv, env);
      if (round > 0) samples[i]?.push(sample); // the first round warms the caches
    }
  return samples.map((s) => ({ ms: median(s.map((x) => x.ms)), memory: Math.max(...s.map((x) => x.memory)) }));
}
