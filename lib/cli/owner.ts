import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isZombie, startOf } from "./process.ts";
import { isCompiled, stateFolder, statePath } from "./project.ts";
import { removeAll } from "./remove.ts";

/**
 * Whose things are. All that a command makes for itself while it runs carries the name of its process, `NUMBER-START`, so that
 * the next command can tell what was left by one that is gone:
 *
 * | what | where the name is |
 * | --- | --- |
 * | its folder, in which all its temporary files are | `.slipway/run/NAME/` |
 * | a file or folder that will be renamed when it is whole | `PATH.NAME` |
 * | a container | the label `org.slipway.owner` (`podman run`), a line of /etc/hosts (`podman build`) |
 * | a program that it started | the variable SLIPWAY_OWNER |
 */
export const owner = `${process.pid}-${startOf(process.pid)}`;

/** The label of a container, with the mark of `newMark` as its value. */
export const ownerLabel = "org.slipway.owner";
const variable = "SLIPWAY_OWNER";

/** For a program that is started. On people's machines nothing is swept: a system update that was begun there shall go on. */
export const ownerEnv: Record<string, string> = isCompiled ? {} : { [variable]: owner };

/** How the environment of a program of that owner reads, in `/proc/PID/environ`. */
export function ownerLine(name: string): string {
  return `${variable}=${name}\0`;
}

/** A name for one thing of this process. */
export function newMark(): string {
  return `${owner}-${crypto.randomUUID().slice(0, 8)}`;
}

/** The owner by whose name this name begins (`4711-815-0a1b2c3d` is of 4711-815), or ends after a dot (`root.tar.4711-815`). */
export function ownerOf(name: string): string | undefined {
  return /^(\d+-\d+)(?:-[0-9a-f]{8}(?:-work)?)?$/.exec(name)?.[1] ?? /\.(\d+-\d+)(?:\.[a-z]+)?$/.exec(name)?.[1];
}

/** The process of that name is gone. One that has ended, and whose parent has not looked yet, is gone too. */
export function isGone(name: string): boolean {
  const [pid, began] = name.split("-");
  return startOf(Number(pid)) !== began || isZombie(Number(pid));
}

const containers = "containers";

/** podman's word for a container that is about to be started; from now on the next command looks for containers of this process. */
export function containerLabel(): string {
  noteContainers();
  return `--label=${ownerLabel}=${newMark()}`;
}

export function noteContainers(): void {
  writeFileSync(join(ownFolder(), containers), "");
}

/** The process with this folder has started containers. */
export function hadContainers(folder: string): boolean {
  return existsSync(join(folder, containers));
}

let left = false;

/** From now on the folder of this process stays when it ends: something could not be cleared up, and the next command does it. */
export function leaveForNext(): void {
  left = true;
}

let made = false;

/** The folder of this process below `.slipway/run`, closed to others; it goes when the process ends. */
export function ownFolder(): string {
  const folder = statePath("run", owner);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!made) process.on("exit", () => void (left || removeQuietly(folder)));
  made = true;
  return folder;
}

/** Where something is mounted in it, it stays, and the next command tries again. */
export function removeQuietly(folder: string): void {
  try {
    removeAll(folder);
  } catch {}
}

/** Folders of processes that are gone, with the owner of each. */
export function deadFolders(): { folder: string; owner: string }[] {
  const parent = join(stateFolder, "run");
  return (existsSync(parent) ? readdirSync(parent) : []).flatMap((name) => {
    const whose = ownerOf(name);
    return whose !== undefined && isGone(whose) ? [{ folder: join(parent, name), owner: whose }] : [];
  });
}

/** Removes what gone processes left half made in a folder. */
export function removeHalfMade(folder: string): void {
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const whose = ownerOf(name);
    if (whose !== undefined && isGone(whose)) removeQuietly(join(folder, name));
  }
}
