import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { containerName } from "./owner.ts";
import { signal, withChildren } from "./process.ts";
import { question } from "./question.ts";

/**
 * Processes of containers that podman forgot. conmon watches each container, and does not end with podman. If podman is killed after
 * the runtime made the container and before podman wrote that down, `podman rm` removes the record only: conmon and the container's
 * process stay for ever. conmon has the container's name among its words. Source: conmon(8), `--name`, `--cid`.
 */

/** Runtimes whose `delete --force` ends a container's process and removes their own state. */
const runtimes = ["crun", "runc"];

function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return []; // gone, or of another user
  }
}

interface Monitor {
  pid: number;
  id: string;
  runtime: string;
}

/** conmon of a container whose name begins so, if it still watches a process; what podman itself starts to clear up is none. */
function monitorOf(pid: number, name: string): Monitor | undefined {
  const words = wordsOf(pid);
  const after = (option: string) => words[words.indexOf(option) + 1] ?? "";
  if (basename(words[0] ?? "") !== "conmon" || !after("-n").startsWith(name)) return undefined;
  const watched = withChildren(pid).filter((child) => child !== pid && basename(wordsOf(child)[0] ?? "") !== "podman");
  return watched.length ? { pid, id: after("-c"), runtime: basename(after("-r")) } : undefined;
}

const ask = (...words: string[]) => question(words, {}, { cleaning: true });

/** The containers that a runtime knows. Source: runc-list(8), crun(1). */
async function listed(runtime: string): Promise<{ id?: unknown; bundle?: unknown }[]> {
  const { stdout } = await ask(runtime, "list", "--format", "json");
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
  for (const runtime of runtimes.filter((one) => Bun.which(one)))
    for (const { id, bundle } of await listed(runtime))
      if (
        typeof id === "string" &&
        /^[\w-]+$/.test(id) &&
        folders.some((folder) => String(bundle).startsWith(`${folder}/`))
      )
        await ask(runtime, "delete", "--force", id);
}

/**
 * Ends the processes of containers that podman has no record of any more. Call it when podman has removed all that it knows.
 * Anybody can start a process with such words, so no path among them is run.
 * @param mark how the containers' mark begins
 */
export async function endForgotten(mark: string): Promise<void> {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const monitors = pids.flatMap((pid) => monitorOf(Number(pid), containerName(mark)) ?? []);
  for (const { pid, id, runtime } of monitors) {
    if (runtimes.includes(runtime) && /^[0-9a-f]{64}$/.test(id)) await ask(runtime, "delete", "--force", id);
    for (const one of withChildren(pid).reverse())
      if (basename(wordsOf(one)[0] ?? "") !== "podman") signal(one, "SIGKILL");
  }
}
