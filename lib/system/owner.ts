import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isZombie, startOf } from "./process.ts";
import { isCompiled, stateFolder, statePath } from "./project.ts";
import { removeAll } from "./remove.ts";

/**
 * Which process made a thing. All that a command makes for itself while it runs carries the name of its process,
 * `NUMBER-START`, so that the next command recognises what a dead one left:
 *
 * | what | where the name is |
 * | --- | --- |
 * | its folder, in which all its temporary files are | `.slipway/run/NAME/` |
 * | a file or folder that will be renamed when it is whole | `PATH.NAME` |
 * | a container | its name and the label `org.slipway.owner` (`podman run`), a line of /etc/hosts (`podman build`) |
 * | a program that it started | the variable SLIPWAY_OWNER |
 */
export const owner = `${process.pid}-${startOf(process.pid)}`;

/** The label of a container, with the mark of `newMark` as its value. */
export const ownerLabel = "org.slipway.owner";
const variable = "SLIPWAY_OWNER";

/** For a program that is started. People's machines are not swept: a system update that was begun there must go on. */
export const ownerEnv: Record<string, string> = isCompiled ? {} : { [variable]: owner };

/** How the environment of a program of that owner reads, in `/proc/PID/environ`. */
export function ownerLine(name: string): string {
  return `${variable}=${name}\0`;
}

/** A name for one thing of this process. */
export function newMark(): string {
  return `${owner}-${crypto.randomUUID().slice(0, 8)}`;
}

/** The owner in a name: at its beginning (`4711-815-0a1b2c3d` is of 4711-815), or after a dot (`root.tar.4711-815`). */
export function ownerOf(name: string): string | undefined {
  return /^(\d+-\d+)(?:-[0-9a-f]{8}(?:-work)?)?$/.exec(name)?.[1] ?? /\.(\d+-\d+)(?:\.[a-z]+)?$/.exec(name)?.[1];
}

/** The process of that name is gone. A zombie, which has ended and waits for its parent, counts as gone too. */
export function isGone(name: string): boolean {
  const [pid, began] = name.split("-");
  return startOf(Number(pid)) !== began || isZombie(Number(pid));
}

const containers = "containers";

/** The name of a container with this mark: conmon, which watches it, shows no label. */
export function containerName(mark: string): string {
  return `slipway-${mark}`;
}

/** podman's options for a container that is about to start. From now on the next command looks for containers of this process. */
export function containerMark(): string[] {
  noteContainers();
  const mark = newMark();
  return [`--label=${ownerLabel}=${mark}`, `--name=${containerName(mark)}`];
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

/** If something is mounted in it, it stays, and the next command tries again. */
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
