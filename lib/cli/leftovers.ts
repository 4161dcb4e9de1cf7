import { globSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { onInterrupt } from "./command.ts";
import { podman } from "./podman.ts";
import { signal, startOf } from "./process.ts";
import { statePath } from "./project.ts";
import type { Outcome, RunOptions } from "./shell.ts";

/**
 * A killed `podman build` leaves its working containers, its folders in TMPDIR, and the process of its RUN line.
 * So each build gets a run folder of its own as TMPDIR and a mark in its containers' settings, by which the end of the
 * build, or the next one after a SIGKILL, finds what is its own and nothing else.
 */
interface BuildRun {
  folder: string;
  /** For podman: TMPDIR. */
  env: Record<string, string>;
  /** For podman build: the mark. It adds a line to the build's own /etc/hosts and is no part of the image or its cache key. */
  flags: string[];
}

/** The folder's name says which process runs the build, so that a later one can tell whether it lives. */
function startRun(): BuildRun {
  const id = `${process.pid}-${startOf(process.pid)}-${crypto.randomUUID().slice(0, 8)}`;
  const folder = statePath("run", id);
  mkdirSync(join(folder, "tmp"), { recursive: true });
  return { folder, env: { TMPDIR: join(folder, "tmp") }, flags: [`--add-host=${mark(id)}:127.0.0.1`] };
}

function mark(id: string): string {
  return `slipway-${id}`;
}

function mentions(file: string, text: string): boolean {
  try {
    return readFileSync(file, "utf8").includes(text);
  } catch {
    return false; // gone, or somebody else's
  }
}

/** Kills podman itself, known by its TMPDIR, and what its RUN line does: buildah writes that process beside the bundle. */
function killProcesses(folder: string): void {
  for (const pid of readdirSync("/proc").map(Number))
    if (pid > 1 && pid !== process.pid && mentions(`/proc/${pid}/environ`, `TMPDIR=${folder}/tmp`))
      signal(pid, "SIGKILL");
  for (const file of globSync(join(folder, "tmp/buildah*/pid"))) {
    const pid = Number(readFileSync(file, "utf8"));
    if (pid > 1 && mentions(`/proc/${pid}/cgroup`, basename(dirname(file)))) signal(pid, "SIGKILL");
  }
}

const cleaning = { cleaning: true };

/** Removes the working containers that carry the run's mark. @returns whether all of them are gone. */
async function removeContainers(id: string): Promise<boolean> {
  const listed = await podman(["ps", "--all", "--external", "--format", "{{.ID}}"], cleaning);
  if (listed.code !== 0) return false;
  const ids = listed.stdout.split("\n").filter(Boolean);
  if (ids.length === 0) return true;
  const { code, stdout } = await podman(
    ["info", "--format", "{{.Store.GraphRoot}} {{.Store.GraphDriverName}}"],
    cleaning,
  );
  if (code !== 0) return false;
  const [graph = "", driver = ""] = stdout.trim().split(" ");
  let gone = true;
  for (const short of ids) {
    const [file] = globSync(join(graph, `${driver}-containers`, `${short}*`, "userdata/buildah.json"));
    if (file && mentions(file, mark(id))) gone = (await podman(["rm", "--force", short], cleaning)).code === 0 && gone;
  }
  return gone;
}

/** Clears up after one run, however it ended. What could not be removed is known by its folder, which stays for the next run. */
async function endRun(folder: string, complete: boolean): Promise<void> {
  if (!complete) {
    killProcesses(folder);
    if (!(await removeContainers(basename(folder)))) return;
  }
  rmSync(folder, { recursive: true, force: true });
}

/** Clears up after runs whose process is gone: a SIGKILL, a power cut. */
export async function sweepDeadRuns(): Promise<void> {
  const parent = dirname(statePath("run", "x"));
  for (const name of readdirSync(parent)) {
    const [pid, began] = name.split("-");
    if (began !== undefined && startOf(Number(pid)) !== began) await endRun(join(parent, name), false);
  }
}

/**
 * `podman build` that leaves nothing behind, however it ends.
 * @param words those after `build`.
 */
export async function podmanBuild(words: string[], options: RunOptions): Promise<Outcome> {
  const run = startRun();
  const forget = onInterrupt(() => endRun(run.folder, false));
  let complete = false;
  try {
    const outcome = await podman(["build", ...run.flags, ...words], {
      ...options,
      env: { ...options.env, ...run.env },
    });
    complete = outcome.code === 0;
    return outcome;
  } finally {
    forget();
    await endRun(run.folder, complete);
  }
}
