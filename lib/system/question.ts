import { onInterrupt, unlessInterrupted, unlessInterruptedBy } from "./interrupt.ts";
import { hideSecrets } from "./secrets.ts";

/** What a program answered. */
export interface Answer {
  /** 127 if there is no such program. */
  code: number;
  stdout: string;
  stderr: string;
}

const asked = new Set<Bun.Subprocess>();

/** Programs by which the command clears up. It may do so when it begins, too: after what another one left. */
const cleaners = new Set<Bun.Subprocess>();

/** Milliseconds: a program that has not heeded SIGTERM by then, say for a lock or a disk that hangs, gets SIGKILL and no more time. */
const patience = 3000;

onInterrupt(async () => {
  const ended = Promise.all([...asked].map((child) => child.exited));
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    for (const child of asked) child.kill(signal);
    await Promise.race([ended, Bun.sleep(patience)]);
  }
  const deadline = performance.now() + patience;
  while (cleaners.size && performance.now() < deadline) await Bun.sleep(10);
});

/**
 * Asks a program something that it answers at once and by which nothing changes. It needs no shell, no log and no zx, whose
 * loading takes longer than most answers; whatever works is started by `run`.
 * @param options.cleaning part of the clearing up after an interruption: Ctrl-C does not reach it, and we wait for its end.
 */
export async function question(
  argv: readonly string[],
  env: Record<string, string | undefined> = {},
  { cleaning = false }: { cleaning?: boolean } = {},
): Promise<Answer> {
  if (!cleaning) await unlessInterrupted();
  let child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  try {
    // Not by zx: loading it takes longer than most answers.
    child = Bun.spawn([...argv], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      detached: cleaning,
    });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      return { code: 127, stdout: "", stderr: `${argv[0]}: command not found` };
    throw error;
  }
  const its = cleaning ? cleaners : asked;
  its.add(child);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  its.delete(child);
  if (!cleaning) await unlessInterruptedBy({ code, signal: child.signalCode });
  return { code, stdout, stderr: hideSecrets(stderr) };
}
