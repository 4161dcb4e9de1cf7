import { readFileSync } from "node:fs";

/** When a process began, in ticks since boot: with its number, the process's name for good. Source: proc_pid_stat(5). */
export function startOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
  } catch {
    return undefined;
  }
}
