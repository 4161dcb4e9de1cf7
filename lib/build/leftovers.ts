import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { podman } from "../cli/podman.ts";
import { statePath } from "../cli/project.ts";

/**
 * A killed `podman build` leaves its working containers, its folders in TMPDIR, and the process of its RUN line.
 * So each build gets a run folder of its own as TMPDIR and a mark in its containers' settings, by which the end of the
 * build, or the next one after a SIGKILL, finds what is its own and nothing else.
 */
export interface BuildRun {
  folder: string;
  /** For podman: TMPDIR. */
  env: Record<string, string>;
  /** For podman build: the mark. It adds a line to the build's own /etc/hosts and is no part of the image or its cache key. */
  flags: string[];
}

/** The folder's name holds the process that runs the build, so that a later one can tell whether it lives. */
export function startRun(): BuildRun {
  const id = `${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  const folder = statePath("run", id);
  mkdirSync(join(folder, "tmp"), { recursive: true });
  return { folder, env: { TMPDIR: join(folder, "tmp") }, flags: [`--add-host=${mark(id)}:127.0.0.1`] };
}

function mark(id: string): string {
  return `slipway-${id}`;
}

/** Kills what the run's RUN lines still do: buildah writes their first process beside the bundle. */
function killProcesses(folder: string): void {
  for (const file of globSync(join(folder, "tmp/buildah*/pid"))) {
    const pid = Number(readFileSync(file, "utf8"));
    const mounts = `/proc/${pid}/cgroup`;
    if (!(pid > 1) || !existsSync(mounts)) continue;
    if (!readFileSync(mounts, "utf8").includes(dirname(file).split("/").at(-1) ?? "/")) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it ended by itself
    }
  }
}

/** Removes the working containers that carry the run's mark. */
async function removeContainers(id: string): Promise<void> {
  const listed = await podman(["ps", "--all", "--external", "--filter", "status=unknown", "--format", "{{.ID}}"]);
  const all = listed.code === 0 ? listed : await podman(["ps", "--all", "--external", "--format", "{{.ID}}"]);
  const ids = all.stdout.split("\n").filter(Boolean);
  if (ids.length === 0) return;
  const root = (await podman(["info", "--format", "{{.Store.GraphRoot}} {{.Store.GraphDriverName}}"])).stdout.trim();
  const [graph = "", driver = ""] = root.split(" ");
  for (const short of ids) {
    const [file] = globSync(join(graph, `${driver}-containers`, `${short}*`, "userdata/buildah.json"));
    if (file && readFileSync(file, "utf8").includes(mark(id))) await podman(["rm", "--force", short]);
  }
}

/** Clears up after one run, however it ended. */
export async function endRun(folder: string, complete: boolean): Promise<void> {
  const id = folder.split("/").at(-1) ?? "";
  if (!complete) {
    killProcesses(folder);
    await removeContainers(id);
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Clears up after runs whose process is gone: a SIGKILL, a power cut. */
export async function sweepDeadRuns(): Promise<void> {
  const parent = dirname(statePath("run", "x"));
  for (const name of readdirSync(parent)) {
    const pid = Number(name.split("-")[0]);
    if (!existsSync(`/proc/${pid}`)) await endRun(join(parent, name), false);
  }
}
