import { spaceAt } from "../system/machine.ts";
import { bytes, warn } from "../system/output.ts";
import { findStore } from "../system/podman-store.ts";
import { podmanEnv } from "../tools/podman.ts";

/** The room that a build needs, said before it starts. */

/** podman keeps each step of a build as a layer, so files that a later step changes are there twice. */
const twice = 2;

/** Nobody runs out of room by less, and to ask podman where its storage is takes time. */
const worthAsking = 500_000_000;

/** What a build may write at most where nothing comes from the cache; for a first one a guess: as much as is there already. Pure. */
export function neededRoom(base: number, before: number | undefined): number {
  return before === undefined ? base : Math.max(0, before - base) * twice;
}

/**
 * Says so where podman's storage may be too small. It is no failure: what comes from the cache needs no room.
 * @param base bytes of the base image. @param before bytes of the target's last image
 */
export async function sayIfNarrow(base = 0, before?: number): Promise<void> {
  const needed = neededRoom(base, before);
  const store = needed > worthAsking ? await findStore(["podman"], await podmanEnv()) : undefined;
  if (!store) return;
  const { path, free } = spaceAt(store.root);
  if (free >= needed) return;
  warn(
    `podman's storage in ${path} has ${bytes(free)} of room, and this build may need ${bytes(needed)}: bun run clean`,
  );
}
