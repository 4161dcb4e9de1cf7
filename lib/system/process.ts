import { readdirSync, readFileSync } from "node:fs";

/** What the kernel says of a process, from its state on; undefined for one that is gone. Source: proc_pid_stat(5). */
function statOf(pid: number, thread = ""): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/${thread}stat`, "latin1").split(") ").at(-1)?.split(" ");
  } catch {
    return undefined;
  }
}

/** When a process began, in ticks since boot: with its number, the process's name for good. */
export function startOf(pid: number): string | undefined {
  return statOf(pid)?.[19];
}

/** A process of this user, by all of its four numbers: real, effective, saved, file system. Source: proc_pid_status(5). */
export function isOwn(pid: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return false; // gone
  }
  const uids = /^Uid:\t(.*)$/m.exec(status)?.[1]?.split("\t") ?? [];
  return uids.length === 4 && uids.every((uid) => Number(uid) === process.getuid?.());
}

/** It ended, and its parent has not looked yet. */
export function isZombie(pid: number): boolean {
  return statOf(pid)?.[0]?.startsWith("Z") ?? true;
}

/** None of its threads moves, nor will before SIGCONT. */
export function isStopped(pid: number): boolean {
  try {
    const states = readdirSync(`/proc/${pid}/task`).map((id) => statOf(pid, `task/${id}/`)?.[0] ?? "X");
    return states.every((state) => /^[TtZX]/.test(state));
  } catch {
    return true; // gone
  }
}

/** A process and all that came from it and still has its parent, the parents first. */
export function withChildren(pid: number): number[] {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = all.map((name): [number, number] => [Number(name), Number(statOf(Number(name))?.[1])]);
  const family = [pid];
  for (const one of family) for (const [child, parent] of parents) if (parent === one) family.push(child);
  return family;
}

/** Sends a signal; a process that is gone needs none, and one of a container's users is ended by what started it. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const known = error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM");
    if (!known) throw error;
  }
}
