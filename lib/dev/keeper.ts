/**
 * Waits until a run of the tests has ended, in whatever way, and removes what it left. It is a process of its own, in a session of
 * its own: a SIGKILL of the run does not reach it. Its standard input is held open by the run.
 */
import { clearDeadRuns } from "./run-folder.ts";

if (import.meta.main) {
  await Bun.stdin.text();
  await Bun.sleep(200);
  await clearDeadRuns();
}

/** Starts the keeper of this process. */
export function startKeeper(): void {
  const words = ["setsid", process.execPath, import.meta.path];
  // Not by zx: it outlives this process, which holds its standard input open.
  Bun.spawn(words, { stdio: ["pipe", "ignore", "ignore"], env: { ...process.env, CI: "true" } }).unref();
}
