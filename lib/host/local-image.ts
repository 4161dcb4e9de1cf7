import { localImages, podmanFailure } from "../oci/storage.ts";
import { exit, Failure } from "../system/errors.ts";
import { podman } from "../tools/podman.ts";

/**
 * An image that lies in podman's storage, for bootc to take from there.
 *
 * bootc reads root's storage. An image of another user's is read by root as an "additional image store": read-only, layer by
 * layer as it was stored, and without copying it there first. bootc hands its environment to skopeo, and that is where the
 * store is named. Both storages must be of the same kind.
 */
export interface LocalSource {
  digest: string;
  /** What bootc's environment must have. */
  env: Record<string, string>;
}

interface Store {
  GraphRoot?: string;
  GraphDriverName?: string;
}

/** @param uid whose storage podman shows. */
export function storeEnvironment(store: Store, uid: number): Record<string, string> {
  if (uid === 0) return {};
  if (store.GraphDriverName !== "overlay")
    throw new Failure(exit.failed, `root cannot read this podman storage: its driver is ${store.GraphDriverName}`, {
      tried: [`podman info: ${store.GraphRoot}`],
      next: "push the image and switch without --local, or run both as root",
    });
  return { STORAGE_OPTS: `additionalimagestore=${store.GraphRoot}` };
}

/** @throws Failure where podman has no such image */
export async function findLocal(reference: string, uid = process.getuid?.() ?? 0): Promise<LocalSource> {
  const image = (await localImages()).get(reference);
  if (!image) {
    const other = uid === 0 && process.env.SUDO_USER ? `; ${process.env.SUDO_USER}'s was not looked at` : "";
    throw new Failure(exit.failed, `podman's storage has no ${reference}`, {
      tried: [`podman image ls${uid === 0 ? ", as root" : ""}${other}`],
      next: other ? "run it again without sudo" : "build it first (bun run build), or switch without --local",
    });
  }
  const outcome = await podman(["info", "--format", "{{json .Store}}"]);
  if (outcome.code !== 0) throw podmanFailure("asking for the storage", outcome);
  return { digest: image.digest, env: storeEnvironment(JSON.parse(outcome.stdout) as Store, uid) };
}
