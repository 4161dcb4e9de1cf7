import { type Space, spaceAt } from "../system/machine.ts";
import { bytes, say, warn } from "../system/output.ts";
import { findStore } from "../system/podman-store.ts";
import { podmanEnv } from "../tools/podman.ts";

/** The room that builds need, said before they start. It is the same for every builder: each ends in podman's storage. */

/** podman keeps each step of a build as a layer, so files that a later step changes are there twice. */
const twice = 2;

/** Nobody runs out of room by less, and to ask podman where its storage is takes time. */
const worthAsking = 500_000_000;

/** What a build may write at most where nothing comes from the cache; for a first one a guess: as much as is there already. Pure. */
export function neededRoom(base: number, before: number | undefined): number {
  return before === undefined ? base : Math.max(0, before - base) * twice;
}

/** Bytes that the builds which run right now may write. */
let claimed = 0;

/**
 * Pure: a sentence about room, and whether it may be too little.
 * @param needed of this build. @param all with the builds that run beside it
 */
export function roomSaid({ path, free }: Pick<Space, "path" | "free">, needed: number, all: number) {
  const beside = all > needed ? ` (with those that run beside it ${bytes(all)})` : "";
  const text = `podman's storage in ${path} has ${bytes(free)} of room, and this build may need ${bytes(needed)}${beside}`;
  return { narrow: free < all, text };
}

/**
 * Says so where podman's storage may be too small, and in CI always: its log is all that is left of a full disk. It is no failure, because
 * what comes from the cache needs no room.
 * @param base bytes of the base image. @param before bytes of the target's last image
 * @param look at the storage; undefined where podman does not say where it is
 * @returns to be called when the build has ended
 */
export async function claimRoom(base = 0, before?: number, look = podmanSpace): Promise<() => void> {
  const needed = neededRoom(base, before);
  claimed += needed;
  const all = claimed;
  const space = all > worthAsking ? await look() : undefined;
  if (space) {
    const { narrow, text } = roomSaid(space, needed, all);
    if (narrow) warn(`${text}: bun run clean`);
    else if (process.env.CI) say(text);
  }
  return () => {
    claimed -= needed;
  };
}

async function podmanSpace(): Promise<Space | undefined> {
  const store = await findStore(["podman"], await podmanEnv());
  return store && spaceAt(store.root);
}
