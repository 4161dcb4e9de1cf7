import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeMounted, trimCache } from "../system/cache.ts";
import { cachePath } from "../system/project.ts";
import { otherRuns } from "./run-folder.ts";

/**
 * The images that all tests share: the toolbox, Debian roots, the image of the default flavor. They outlive a clone, in the user's
 * cache. Tests only read them (podman's "additional image store") and put what they make into a store of their own, so that files
 * run side by side without meeting.
 */
export function sharedImages(): string {
  const folder = cachePath("test-images");
  mkdirSync(join(folder, "graph"), { recursive: true });
  const made = join(folder, "made");
  if (!existsSync(made)) writeFileSync(made, "");
  return folder;
}

/** After this time all of them are made again, with the packages of that day. */
const days = 14;

/** Removes shared images that are out of date, and keeps the cache below its limit; not while another run uses it. */
export async function trimSharedImages(): Promise<void> {
  const folder = sharedImages();
  utimesSync(folder, new Date(), new Date()); // it is used: other things in the cache go before it
  if (otherRuns().length) return;
  const age = Date.now() - statSync(join(folder, "made")).mtimeMs;
  if (age > days * 86_400_000) await removeMounted(folder);
  await trimCache();
  sharedImages();
}
