import { closeSync, openSync, writeSync } from "node:fs";
import type { ProcessPromise } from "zx/core";
import { endProgram, podmanIn } from "./ending.ts";
import { onInterrupt, type ProgramEnd, unlessInterrupted, unlessInterruptedBy } from "./interrupt.ts";
import { canAsk, isVerbose, paint, warn } from "./output.ts";
import { ownerEnv } from "./owner.ts";
import { Hider, hideSecrets } from "./secrets.ts";
import { noSpace } from "./unwritable.ts";

/** zx, loaded when the first command runs. The words of a command are passed as they are, never through quotes of our own; bash only starts them. */
async function configuredShell() {
  const { $ } = await import("zx/core");
  $.shell = "/bin/bash";
  $.prefix = "set -eu; exec ";
  return $;
}

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  /** The tail of what was said on either stream, in the order it was said. */
  said: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  stdin?: string;
  /** Everything that the command says is appended here. */
  log?: string;
  /** Part of the clearing up after an interruption: its end is waited for even then. */
  cleaning?: boolean;
  /** Ends it, and everything that it started. */
  signal?: AbortSignal;
  /** Told each whole line while the command runs. */
  onLine?: (line: string) => void;
}

/** A log that cannot be written, on a full disk, is nothing to stop for: what matters is in the outcome too. */
function note(log: number, text: string): void {
  try {
    writeSync(log, text);
  } catch (error) {
    if (!noSpace.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** What runs, each with how it is ended. */
const running = new Map<ProcessPromise, () => Promise<void>>();

onInterrupt(async () => {
  await Promise.all([...running.values()].map((stop) => stop()));
});

/** A word as a POSIX shell reads it back: quoted only where it must be. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A command line that can be pasted. */
export function commandLine(argv: readonly string[], env: Record<string, string | undefined> = {}): string {
  const settings = Object.entries(env).flatMap(([k, v]) => (v === undefined ? [] : [`${k}=${quote(v)}`]));
  return [...settings, ...argv.map(quote)].join(" ");
}

/**
 * Runs a command and waits for its end, whatever its exit code.
 * @param argv the program and its arguments; nothing in them is read by a shell.
 * @returns exit code (127 if there is no such program) and what was said.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const $ = await configuredShell();
  if (!options.cleaning) await unlessInterrupted();
  const child = $({
    nothrow: true,
    quiet: true,
    verbose: false,
    // The terminal sends Ctrl-C to every program in its session. podman must end at a safe moment, and a second Ctrl-C must not
    // stop the clearing up, so these two leave the session. Others stay: sudo asks for its password at the terminal.
    detached: options.cleaning === true || podmanIn(argv) !== undefined,
    ...(options.cwd ? { cwd: options.cwd } : {}),
    ...(options.stdin === undefined ? { stdio: ["ignore", "pipe", "pipe"] } : { input: options.stdin }),
    env: { ...process.env, ...ownerEnv, ...options.env },
  })`${[...argv]}`;
  const env = options.env ?? {};
  const stop = async () => {
    const ended = child.catch(() => undefined);
    await (child.pid === undefined ? ended : endProgram({ pid: child.pid, argv, env }, ended));
  };
  if (!options.cleaning) running.set(child, stop);
  const give = () => void stop();
  if (options.signal?.aborted) give();
  else options.signal?.addEventListener("abort", give);
  const log = options.log ? openSync(options.log, "a") : undefined;
  let said = "";
  let partial = "";
  // what works has a log; a question that we ask ourselves is nothing to look at
  const shown = log !== undefined && isVerbose() ? (line: string) => warn(paint.dim(`  ${line}`)) : undefined;
  const listeners = [options.onLine, shown].filter((listen) => listen !== undefined);
  const hear = (text: string) => {
    if (log !== undefined) note(log, text);
    said = (said + text).slice(-16_384);
    if (listeners.length === 0) return;
    const lines = (partial + text).split(/\r?\n|\r/);
    partial = lines.pop() ?? "";
    for (const line of lines) for (const listen of listeners) listen(line);
  };
  const streams = [child.stdout, child.stderr].map((stream) => {
    const hider = new Hider();
    stream?.on("data", (chunk: Buffer | string) => hear(hider.next(Buffer.from(chunk))));
    return hider;
  });
  let end: ProgramEnd = { code: 0 };
  try {
    const output = await child;
    end = { code: output.exitCode, signal: output.signal };
    for (const hider of streams) hear(hider.end());
    if (partial) for (const listen of listeners) listen(partial);
    return { code: output.exitCode ?? 1, stdout: output.stdout, stderr: hideSecrets(output.stderr), said };
  } finally {
    running.delete(child);
    options.signal?.removeEventListener("abort", give);
    if (log !== undefined) closeSync(log);
    if (!options.cleaning) await unlessInterruptedBy(end);
  }
}

/**
 * Runs a command that changes something; in a dry run it is only shown, quoted so that it can be pasted.
 */
export async function change(
  argv: readonly string[],
  options: RunOptions & { dryRun?: boolean } = {},
): Promise<Outcome> {
  if (!options.dryRun) return run(argv, options);
  warn(`+ ${commandLine(argv)}`);
  return { code: 0, stdout: "", stderr: "", said: "" };
}

/**
 * Runs a command that talks to the reader itself (a password, a bar that moves): the terminal is its own meanwhile. What it
 * prints is no result of ours, so all of it goes to stderr. In a dry run it is only shown.
 * @returns its exit code; 127 if there is no such program.
 */
export async function foreground(argv: readonly string[], options: { dryRun?: boolean } = {}): Promise<number> {
  if (options.dryRun) return (await change(argv, options)).code;
  let child: Bun.Subprocess;
  try {
    // Not by zx: the terminal is the program's own.
    child = Bun.spawn([...argv], { stdio: [canAsk ? "inherit" : "ignore", 2, 2], env: process.env });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 127;
    throw error;
  }
  const forget = onInterrupt(async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
    await child.exited;
    clearTimeout(timer);
  });
  const code = await child.exited;
  await unlessInterruptedBy({ code, signal: child.signalCode });
  forget();
  return code;
}
