import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Failure } from "./errors.ts";
import { unwritable } from "./unwritable.ts";

/** This checkout: where the tool's own code and tests are. */
export const toolRoot = resolve(import.meta.dir, "../..");

/** The folder that holds flavors/, overlays/ and containerfiles/: this checkout, or $SLIPWAY_PROJECT. */
export const projectRoot = resolve(process.env.SLIPWAY_PROJECT ?? toolRoot);

const stateFolder = join(projectRoot, ".slipway");

/** The Failure that an error is which a write to `.slipway/` ended with; undefined for any other. */
export function stateFailure(error: unknown): Failure | undefined {
  return unwritable(error, stateFolder);
}

/**
 * A path below `.slipway/`, where everything that Slipway makes for itself lives; its folder is made.
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
