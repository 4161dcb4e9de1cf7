import { basename } from "node:path";
import type { Family, Target } from "../family/family.ts";
import { needProjectFile } from "../family/project-file.ts";
import { withoutItsTag } from "../oci/reference.ts";
import { exit, Failure } from "../system/errors.ts";
import { policyPlaces, registriesFolder, textsInImage } from "./image-texts.ts";
import { parsePolicy } from "./merge-policy.ts";
import { asksForName, policyKeys, type Requirement, requirements } from "./policy-file.ts";
import { registriesHoles } from "./registries-lint.ts";

/** Looks into an image before it is pushed, for what machines and `verify` would refuse afterwards. */

/** A path that needs no quotes in a shell. */
const isPlain = (path: string) => /^\/[\w./@+-]+$/.test(path);

/**
 * Pure: why a machine with this image would not check the next one by the family's key, as sentences; none for a good image.
 * @param texts policy, registries.d and keys of the image, by place.
 * @param repository the image's name in the registry, without a tag.
 * @param key the family's public key.
 */
export function trustTrouble(texts: Map<string, string>, namespace: string, repository: string, key: string): string[] {
  const place = policyPlaces.find((path) => texts.has(path));
  if (place === undefined) return ["the image has no policy.json"];
  let asks: Requirement[];
  try {
    asks = requirements(parsePolicy(texts.get(place) ?? "", `the image's ${place}`), "docker", repository).asks;
  } catch (error) {
    if (error instanceof Failure) return [error.message];
    throw error;
  }
  if (!asksForName(asks, repository)) return [`${place} does not ask for a signature of ${repository}`];
  const paths = asks.flatMap(({ keyPath, keyPaths = [] }) => [...(keyPath ? [keyPath] : []), ...keyPaths]);
  // a key may stand in the policy itself
  const hasKey = paths.length === 0 || paths.some((path) => texts.get(path)?.trim() === key.trim());
  const files = [...texts].flatMap(([path, text]) =>
    path.startsWith(`${registriesFolder}/`) ? [{ name: basename(path), text }] : [],
  );
  return [
    ...(hasKey ? [] : [`${place} asks for a signature of another key than the family's`]),
    ...registriesHoles(files, namespace).map(({ where, what }) => `${where}: ${what}`),
  ];
}

/**
 * @param log what podman says goes there.
 * @throws Failure naming all of it; an image that has no shell to look with is left to `verify`
 */
export async function trustBeforePush({ reference, arch, flavor }: Target, family: Family, log: string): Promise<void> {
  const texts = await textsInImage(reference, [...policyPlaces, `${registriesFolder}/*.yaml`], log);
  if (!texts) return;
  const policy = texts.get(policyPlaces.find((path) => texts.has(path)) ?? "");
  const keys = policy === undefined ? [] : keysOf(policy).filter(isPlain);
  const all = new Map([...texts, ...((keys.length && (await textsInImage(reference, keys, log))) || [])]);
  const repository = withoutItsTag(reference);
  const trouble = trustTrouble(all, family.registry, repository, needProjectFile(family.root, family.key));
  if (trouble.length === 0) return;
  throw new Failure(exit.failed, `${reference}: its machines could not check the next image; nothing was pushed`, {
    tried: trouble,
    next: `bun run trust add ${arch.name} ${flavor.name}, then build it again`,
    log,
  });
}

/** The keys that a policy names; none of what is no policy. */
function keysOf(text: string): string[] {
  try {
    return policyKeys(parsePolicy(text, "the image's policy"));
  } catch {
    return [];
  }
}
