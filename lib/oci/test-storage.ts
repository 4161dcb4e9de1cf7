import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../system/project.ts";
import { podman } from "../tools/podman.ts";
import { freedBytes, readStore } from "./reclaimable.ts";

/**
 * The tests keep images in a storage of their own below `.slipway/test`, so that they are fast the next time. All
 * that is in it is ours. Its folder stays: podman mounts it, and without root much of it belongs to other ids.
 */
const home = join(projectRoot, ".slipway/test");
const settings = join(home, "storage.conf");

/** The bytes of its images; 0 where there are none. */
export function testStorageBytes(): number {
  const store = existsSync(settings) ? readStore(join(home, "graph"), "overlay") : undefined;
  if (!store) return 0;
  return freedBytes(
    store.images,
    store.layers,
    store.images.map((image) => image.id),
    [],
  );
}

/** Removes its images; those that a container of a running test uses stay. */
export async function emptyTestStorage(): Promise<void> {
  await podman(["image", "prune", "--all", "--force"], { env: { CONTAINERS_STORAGE_CONF: settings } });
}
