import { existsSync, globSync, mkdirSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { endBundles, endForgotten } from "../system/container-processes.ts";
import { endProgram, podmanIn } from "../system/ending.ts";
import { onInterrupt } from "../system/interrupt.ts";
import {
  deadFolders,
  hadContainers,
  leaveForNext,
  newMark,
  noteContainers,
  ownerLabel,
  ownerLine,
  ownFolder,
  removeHalfMade,
  removeQuietly,
} from "../system/owner.ts";
import { findStore, type Store } from "../system/podman-store.ts";
import { isOwn, signal, startOf } from "../system/process.ts";
import { isCompiled, stateFolder } from "../system/project.ts";
import { question } from "../system/question.ts";
import type { Outcome, RunOptions } from "../system/shell.ts";
import { textOf } from "../system/state-file.ts";
import { podman, podmanEnv } from "./podman.ts";

/**
 * Clears up what a killed command leaves: programs that it started, containers, folders. All of them carry the command's name
 * (owner.ts), so nothing else is touched.
 *
 * A build's working containers cannot have labels. They get a line in /etc/hosts, which is neither in the image nor in its
 * cache key.
 */
function hostName(mark: string): string {
  return `slipway-${mark}`;
}

/**
 * Ends the programs of a command that is gone. podman itself ends a container and the process that watches it (conmon).
 * Anybody can start a process with these words and this environment, so we only read from them how to end it, and run none of them.
 */
export async function endPrograms(owner: string): Promise<void> {
  const hasName = (pid: number) => `\0${textOf(`/proc/${pid}/environ`, "latin1")}`.includes(`\0${ownerLine(owner)}`);
  const found = readdirSync("/proc").map(Number);
  await Promise.all(
    found
      .filter((pid) => pid > 1 && pid !== process.pid && hasName(pid) && isOwn(pid))
      .map(async (pid) => {
        const began = startOf(pid);
        const argv = textOf(`/proc/${pid}/cmdline`, "latin1").split("\0");
        const asked = podmanIn(argv);
        const started = asked ? { argv: ["podman", ...asked.args], env: await podmanEnv() } : { argv, env: {} };
        await endProgram({ pid, ...started }, gone(pid, began));
      }),
  );
}

async function gone(pid: number, began: string | undefined): Promise<void> {
  while (began !== undefined && startOf(pid) === began) await Bun.sleep(20);
}

/** Kills the process of a RUN line, whatever runtime runs it: buildah writes its number next to the bundle. */
function killRunLines(tmp: string): void {
  for (const file of globSync(join(tmp, "buildah*/pid"))) {
    const pid = Number(textOf(file));
    if (pid > 1 && textOf(`/proc/${pid}/cgroup`).includes(basename(dirname(file)))) signal(pid, "SIGKILL");
  }
}

interface Container {
  Id: string;
  Labels?: Record<string, string> | null;
}

function hasMark({ Id, Labels }: Container, mark: string, store: Store | undefined): boolean {
  if (Labels?.[ownerLabel]?.startsWith(mark)) return true;
  if (!store) return false;
  return textOf(join(store.root, `${store.driver}-containers`, Id, "userdata/buildah.json"), "latin1").includes(
    hostName(mark),
  );
}

/** On a busy machine podman fails for a moment where a container is just ending. */
const again = { tries: 3, pause: 300 };

/**
 * Removes containers.
 * @param mark how their mark begins: an owner's name, or all of it.
 * @returns whether all of them are gone.
 */
async function removeContainers(mark: string): Promise<boolean> {
  for (let left = again.tries; left > 0; left--) {
    if (await triedToRemove(mark)) return true;
    if (left > 1) await Bun.sleep(again.pause);
  }
  return false;
}

async function triedToRemove(mark: string): Promise<boolean> {
  const env = await podmanEnv();
  const ask = (...args: string[]) => question(["podman", ...args], env, { cleaning: true });
  const listed = await ask("ps", "--all", "--external", "--format", "json");
  if (listed.code !== 0) return false;
  const all = JSON.parse(listed.stdout || "[]") as Container[];
  const store = all.length ? await findStore(["podman"], env) : undefined;
  let left = false;
  for (const { Id } of all.filter((container) => hasMark(container, mark, store))) {
    const { code, stderr } = await ask("rm", "--force", "--time", "0", "--volumes", Id);
    if (code !== 0 && !/no such container|no container with/i.test(stderr)) left = true;
  }
  await endForgotten(mark);
  return !left;
}

/** Ends what a gone command has started. @returns whether nothing of it is left */
async function endAll(folder: string, owner: string): Promise<boolean> {
  await endPrograms(owner);
  for (const tmp of existsSync(folder) ? readdirSync(folder) : []) killRunLines(join(folder, tmp));
  await endBundles(folder);
  return !hadContainers(folder) || !Bun.which("podman") || removeContainers(`${owner}-`);
}

/** Where below the state folder things appear by a rename. */
const placesOfHalves = ["", "cache", "state", "state/pushed", "state/refresh", "state/release", "images"];

/**
 * Clears up after commands that are gone: a SIGKILL, a power cut. What cannot be removed is tried again by the next command.
 * On people's machines only files are removed: there no command starts what it would have to end.
 */
export async function sweepDead(): Promise<void> {
  for (const { folder, owner } of deadFolders()) if (isCompiled || (await endAll(folder, owner))) removeQuietly(folder);
  for (const place of placesOfHalves) removeHalfMade(join(stateFolder, place));
}

/**
 * `podman build` that leaves nothing behind, however it ends.
 * @param words those after `build`.
 */
export async function podmanBuild(words: string[], options: RunOptions): Promise<Outcome> {
  const mark = newMark();
  const tmp = join(ownFolder(), mark);
  mkdirSync(tmp);
  noteContainers();
  const clearUp = async () => {
    killRunLines(tmp);
    await endBundles(tmp);
    if (!(await removeContainers(mark))) leaveForNext();
    removeQuietly(tmp);
  };
  const forget = onInterrupt(clearUp);
  let complete = false;
  try {
    const argv = ["build", `--add-host=${hostName(mark)}:127.0.0.1`, ...words];
    const outcome = await podman(argv, { ...options, env: { ...options.env, TMPDIR: tmp } });
    complete = outcome.code === 0;
    return outcome;
  } finally {
    forget();
    await (complete ? removeQuietly(tmp) : clearUp());
  }
}
