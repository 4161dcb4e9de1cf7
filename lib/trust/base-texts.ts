import type { Family, Target } from "../family/family.ts";
import { localImages } from "../oci/storage.ts";
import { exit, Failure } from "../system/errors.ts";
import { policyPlaces, registriesFolder, textsInImage } from "./image-texts.ts";
import { keyPath } from "./policy.ts";

/**
 * What an image ships about whom it trusts, by place.
 * @param from an image of podman's storage, or `none`; without it the target's own image, which has what its base ships.
 * @throws Failure (usage) where nobody knows yet what the base ships: a policy without it could be looser
 */
export async function baseTexts(
  target: Target,
  family: Family,
  from: string | undefined,
): Promise<Map<string, string>> {
  if (from === "none") return new Map();
  const { reference, arch, flavor } = target;
  const image = from ?? reference;
  const next = `bun run build ${arch.name} ${flavor.name}; or name the base: --from IMAGE, or --from none`;
  if (from?.startsWith("-")) throw new Failure(exit.usage, `--from ${from} is no image`, { next });
  if (from === undefined && !(await localImages()).has(reference))
    throw new Failure(exit.usage, "what the base ships is not known yet, and it must not become looser", {
      tried: [`podman's storage: no ${reference}`],
      next,
    });
  const found = await textsInImage(image, [...policyPlaces, `${registriesFolder}/*.yaml`, keyPath(family)]);
  if (found) return found;
  throw new Failure(exit.failed, `${image} has no shell to look into it with`, {
    next: "--from none, if it has no policy",
  });
}
