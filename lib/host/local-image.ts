import { type LocalImage, localImages, podmanFailure } from "../oci/storage.ts";
import { exit, Failure } from "../system/errors.ts";
import { podman } from "../tools/podman.ts";
import { factsOf } from "../trust/facts.ts";
import { date } from "../trust/old-images.ts";

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

/** The registry's image, as far as it tells it from a local one. */
export interface Published {
  /** The digest of its configuration, which is podman's id of the image. */
  config: string;
  /** Milliseconds since 1970, as its labels say. */
  made: number | undefined;
}

/**
 * Whether podman's storage has a build of a reference that the registry has not got yet: a newer one, or another of the same date
 * (a build without a new commit and without new packages has the date of the one before).
 * @param published undefined where the registry has no such image
 * @returns a sentence; undefined for an older image and for the very same one. Pure.
 */
export function unpublished(local: LocalImage, reference: string, published: Published | undefined) {
  if (!published) return `podman's storage has ${reference}, which the registry does not have`;
  if (published.config === `sha256:${local.id}`) return undefined;
  const { made } = factsOf({ config: { Labels: local.labels } });
  if (made === undefined || published.made === undefined)
    return `podman's storage has another ${reference} than the registry; which is newer is not known`;
  if (made < published.made) return undefined;
  const age = made === published.made ? "another" : "a newer";
  return `podman's storage has ${age} ${reference}, made ${date(made)}; the registry's was made ${date(published.made)}`;
}

/** The same of this user's storage. A machine without podman, or with a broken one, has no local image. */
export async function findUnpublished(
  reference: string,
  published: Published | undefined,
): Promise<string | undefined> {
  const images = await localImages().catch(() => undefined);
  const local = images?.get(reference);
  return local && unpublished(local, reference, published);
}
