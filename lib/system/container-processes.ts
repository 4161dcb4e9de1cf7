import { readdirSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { containerName } from "./owner.ts";
import { isOwn, signal, startOf, withChildren } from "./process.ts";
import { question } from "./question.ts";
import { textOf } from "./state-file.ts";

/**
 * Processes of containers that podman forgot. conmon watches each container, and does not end with podman. If podman is killed after
 * the runtime made the container and before podman wrote that down, `podman rm` removes the record only: conmon and the container's
 * process stay for ever. conmon has the container's name among its words. Source: conmon(8), `--name`, `--cid`.
 */

/** Runtimes whose `delete --force` ends a container's process and removes their own state. */
const runtimes = ["crun", "runc"];

const wordsOf = (pid: number) => textOf(`/proc/${pid}/cmdline`).split("\0");

interface Monitor {
  pid: number;
  /** conmon and what it watches, each with when it began: a number that was given anew is not theirs. */
  watched: { pid: number; began: string | undefined }[];
  id: string;
  runtime: string;
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return ""; // gone
  }
}

/** conmon of a container whose name begins so, if it still watches a process; what podman itself starts to clear up is none. */
function monitorOf(pid: number, name: string): Monitor | undefined {
  const words = wordsOf(pid);
  const after = (option: string) => words[words.indexOf(option) + 1] ?? "";
  if (basename(words[0] ?? "") !== "conmon" || !after("-n").startsWith(name)) return undefined;
  // root in a container has our number, too, but another namespace
  if (!isOwn(pid) || namespaceOf(pid) !== namespaceOf(process.pid)) return undefined;
  const all = withChildren(pid).filter((one) => basename(wordsOf(one)[0] ?? "") !== "podman");
  const watched = all.map((one) => ({ pid: one, began: startOf(one) }));
  return watched.length > 1 ? { pid, watched, id: after("-c"), runtime: basename(after("-r")) } : undefined;
}

const ask = (...words: string[]) => question(words, {}, { cleaning: true });

/** A runtime's program. podman finds it in these folders too, which are not on every user's PATH. */
const programOf = (runtime: string) =>
  Bun.which(runtime, { PATH: `${process.env.PATH ?? ""}:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin` });

/** The containers that a runtime knows. Source: runc-list(8), crun(1). */
async function listed(program: string): Promise<{ id?: unknown; bundle?: unknown }[]> {
  const { stdout } = await ask(program, "list", "--format", "json");
  try {
    const list: unknown = JSON.parse(stdout);
    return Array.isArray(list) ? list.filter((one) => typeof one === "object" && one !== null) : [];
  } catch {
    return [];
  }
}

/**
 * Ends containers and RUN lines of builds whose bundles are below one of the folders, and removes what the runtime noted of them. buildah
 * removes a bundle when it is killed, but not always the note.
 */
export async function endBundles(...folders: string[]): Promise<void> {
  for (const program of runtimes.flatMap((runtime) => programOf(runtime) ?? []))
    for (const { id, bundle } of await listed(program))
      if (typeof id === "string" && /^[\w-]+$/.test(id) && folders.some((one) => String(bundle).startsWith(`${one}/`)))
        await ask(program, "delete", "--force", id);
}

/**
 * Ends the processes of containers that podman has no record of any more. Call it when podman has removed all that it knows.
 * Anybody can start a process with such words: only those of this user count, and no path among the words is run.
 * @param mark how the containers' mark begins
 */
export async function endForgotten(mark: string): Promise<void> {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const monitors = pids.flatMap((pid) => monitorOf(Number(pid), containerName(mark)) ?? []);
  for (const { watched, id, runtime } of monitors) {
    const program = runtimes.includes(runtime) ? programOf(runtime) : null;
    if (program && /^[0-9a-f]{64}$/.test(id)) await ask(program, "delete", "--force", id);
    for (const { pid, began } of watched.reverse()) if (startOf(pid) === began) signal(pid, "SIGKILL");
  }
}
