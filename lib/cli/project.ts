import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** This checkout: where the tool's own code and tests are. */
export const toolRoot = resolve(import.meta.dir, "../..");

/** The folder that holds flavors/, overlays/ and containerfiles/: this checkout, or $SLIPWAY_PROJECT. */
export const projectRoot = resolve(process.env.SLIPWAY_PROJECT ?? toolRoot);

/** A path below `.slipway/`, where everything that Slipway makes for itself lives; its folder is made. */
export function statePath(...parts: string[]): string {
  const path = join(projectRoot, ".slipway", ...parts);
  mkdirSync(join(path, ".."), { recursive: true });
  return path;
}
