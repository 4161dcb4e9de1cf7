import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Failure } from "./errors.ts";
import { findProject } from "./find-project.ts";
import { unwritable } from "./unwritable.ts";

/** The program is the one compiled file that images carry: there is no checkout around it, no Bun, no toolbox. */
export const isCompiled = import.meta.dir.startsWith("/$bunfs/");

/** Where the tool's own code is: this checkout, or the installed package. */
export const toolRoot = resolve(import.meta.dir, "../..");

/** The tool is installed as a package: it has no tests and no family of its own. */
export const isPackage = !isCompiled && !existsSync(join(toolRoot, "tests"));

/** Where the reader stands; the root where that folder was removed. */
function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "/";
  }
}

/** A package works on the project of the working folder; a checkout on that project too, and else on itself. */
function projectHere(): string {
  if (isCompiled) return toolRoot;
  const here = workingFolder();
  return findProject(here) ?? (isPackage ? here : toolRoot);
}

/** The folder that holds flavors/, overlays/ and containerfiles/: $SLIPWAY_PROJECT, or the one that we are in. */
export const projectRoot = resolve(process.env.SLIPWAY_PROJECT ?? projectHere());

/** On a user's machine: root's state, or the user's own. Source: the XDG Base Directory Specification. */
function machineState(): string {
  if (process.getuid?.() === 0) return "/var/lib/guaraos";
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local/state"), "guaraos");
}

/** Where `statePath` leads; it may not be there. */
export const stateFolder = isCompiled ? machineState() : join(projectRoot, ".slipway");

/** The Failure that an error is which a write to `.slipway/` ended with; undefined for any other. */
export function stateFailure(error: unknown): Failure | undefined {
  return unwritable(error, stateFolder);
}

/**
 * A path below `.slipway/`, where everything that Slipway makes for itself lives (on a user's machine: below the state folder);
 * its folder is made.
 * @throws Failure where it cannot be made.
 */
export function statePath(...parts: string[]): string {
  const path = join(stateFolder, ...parts);
  try {
    mkdirSync(join(path, ".."), { recursive: true });
  } catch (error) {
    throw stateFailure(error) ?? error;
  }
  return path;
}

/** What outlives a clone and can be made again. Source: the XDG Base Directory Specification. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slipway");
}

/** A path below the cache; its folder is made. @throws Failure where it cannot be made. */
export function cachePath(...parts: string[]): string {
  const path = join(cacheFolder(), ...parts);
  try {
    mkdirSync(join(path, ".."), { recursive: true });
  } catch (error) {
    throw unwritable(error, cacheFolder()) ?? error;
  }
  return path;
}
