import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { removeMounted } from "../system/cache.ts";
import { endBundles } from "../system/container-processes.ts";
import { isZombie, signal, startOf } from "../system/process.ts";
import { removeAll } from "../system/remove.ts";
import { run } from "../system/shell.ts";
import { podmanEnv } from "../tools/podman.ts";

/**
 * What a run of the tests makes outside of the project, so that its end, or the next run after a SIGKILL, finds all of it
 * and nothing else. The run's name says which process it is, and when that began. By the name are known:
 * its processes (by a variable of their environment), its folders for podman's images, its folder for temporary files.
 */

/** The variable that marks every process of a run. */
export const runMark = "SLIPWAY_TEST_RUN";

export function thisRun(): string {
  return `${process.pid}-${startOf(process.pid)}`;
}

function isAlive(name: string): boolean {
  const [pid, began] = name.split("-");
  return startOf(Number(pid)) === began && !isZombie(Number(pid));
}

/** One file's place: podman's images and containers, and temporary files. */
export interface Place {
  store: string;
  temporary: string;
}

/**
 * Where the stores of runs lie: on a disk, which /tmp need not be, and under a short path. podman names every layer of an
 * image when it mounts one, in 4,096 characters. Beyond that it names them from its own folder, where shared ones are not.
 */
const stores = process.env.SLIPWAY_TEST_STORES || "/var/tmp";
const storesOf = (name: string) => join(stores, `slipway-run-${name}`);

/** The places of a run, one a file. Temporary files lie outside of the checkout, where no git finds them. */
export function placeOf(name: string, index: number): Place {
  return {
    store: join(storesOf(name), String(index)),
    temporary: join(tmpdir(), `slipway-test-${name}`, String(index)),
  };
}

export function makePlace(name: string, index: number): Place {
  const place = placeOf(name, index);
  for (const folder of [place.store, place.temporary]) mkdirSync(folder, { recursive: true });
  return place;
}

function marked(mark: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 1 && pid !== process.pid && readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark);
      } catch {
        return false; // gone, or somebody else's
      }
    });
}

/** Processes of other runs of tests, of this checkout or another. */
export function otherRuns(): number[] {
  return marked(`${runMark}=`);
}

/** Ends every process with the mark; each look may find what another one of them has just started. */
async function endProcesses(mark: string): Promise<void> {
  for (let looks = 50; looks > 0; looks--) {
    const found = marked(mark);
    if (found.length === 0) return;
    for (const pid of found) signal(pid, "SIGKILL");
    await Bun.sleep(50);
  }
}

/** Ends containers that were left in a store: what runs in them does not carry the mark. */
async function endContainers(store: string): Promise<void> {
  const known = join(store, "graph/overlay-containers/containers.json");
  if (!existsSync(known) || readFileSync(known, "utf8").trim() === "[]") return;
  const env = { ...(await podmanEnv()), CONTAINERS_STORAGE_CONF: join(store, "storage.conf") };
  await run(["podman", "rm", "--all", "--force", "--time", "0"], { env, cleaning: true });
}

/** A container that has just ended is cleared up by podman itself, which mounts and writes once more meanwhile. */
async function removeInTheEnd(folder: string): Promise<void> {
  for (let tries = 20; ; tries--) {
    try {
      return await removeMounted(folder);
    } catch (error) {
      if (tries === 0) throw error;
      await Bun.sleep(250);
    }
  }
}

/** Removes what one file left; usually nothing but folders. */
export async function clearPlace({ store, temporary }: Place): Promise<void> {
  await endProcesses(`TMPDIR=${temporary}\0`);
  // podman that Slipway starts has a TMPDIR of its own
  await endProcesses(`CONTAINERS_STORAGE_CONF=${join(store, "storage.conf")}\0`);
  await endContainers(store);
  await endBundles(store, temporary);
  for (const folder of [store, temporary]) await removeInTheEnd(folder);
}

/** Removes all that a run left. */
export async function clearRun(name: string): Promise<void> {
  await endProcesses(`${runMark}=${name}\0`);
  const folder = storesOf(name);
  for (const index of existsSync(folder) ? readdirSync(folder) : []) await clearPlace(placeOf(name, Number(index)));
  for (const left of [folder, dirname(placeOf(name, 0).temporary)]) removeAll(left);
}

/** Clears up after runs of this user that were killed, of any checkout. */
export async function clearDeadRuns(): Promise<void> {
  const names = readdirSync(stores).flatMap((folder) => /^slipway-run-(\d+-\d+)$/.exec(folder)?.[1] ?? []);
  const mine = names.filter((name) => lstatSync(storesOf(name)).uid === process.getuid?.());
  const dead = mine.filter((name) => !isAlive(name));
  for (const name of dead) await clearRun(name);
}
