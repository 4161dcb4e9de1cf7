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
