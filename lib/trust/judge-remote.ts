import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readDocument } from "../oci/layout.ts";
import { choose, type ImageConfig, parseConfig, parseManifest, sha256 } from "../oci/manifest.ts";
import { RegistryTrouble, rawManifest } from "../oci/skopeo.ts";
import { exit, Failure } from "../system/errors.ts";
import { workFolder } from "../system/work-folder.ts";
import { type Policy, policyKeys } from "./policy-file.ts";
import { type Verdict, verdict } from "./verdict.ts";

/**
 * What containers/image itself says of an image under a policy, without downloading it.
 *
 * skopeo judges an image before it copies it, and a copy leaves out the layers that are there already. So the copy goes into
 * an `oci:` folder in which every layer "is there", as an empty file: the manifest, the configuration and the signatures are
 * fetched and judged, and nothing else. Signatures are not copied along, because such a folder could not hold them.
 */

/** An image as its registry has it right now. */
export interface Resolved {
  reference: string;
  /** Of the manifest that the tag names. */
  digest: string;
  /** The digest of this machine's own image, where the tag names an index of several; else the same. */
  instance: string;
  /** Of its configuration. */
  config: string;
  /** As they are packed in the registry; sizes in bytes. */
  layers: { digest: string; size: number }[];
}

/** "ghcr.io/a/b:t" without its tag or digest. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}

async function fetchManifest(reference: string) {
  const text = await rawManifest(`docker://${reference}`).catch((error: unknown) => {
    if (!(error instanceof RegistryTrouble)) throw error;
    throw new RegistryTrouble(`${reference} could not be read from its registry`, error.said);
  });
  return { digest: sha256(text), manifest: parseManifest(text, reference) };
}

/** The digest behind a tag, asked of the registry now. @throws Failure with the registry's words */
export async function resolve(reference: string): Promise<Resolved> {
  const { digest, manifest } = await fetchManifest(reference);
  const layersOf = (layers: { digest: string; size: number }[]) => layers.map(({ digest, size }) => ({ digest, size }));
  if (!("manifests" in manifest))
    return { reference, digest, instance: digest, config: manifest.config.digest, layers: layersOf(manifest.layers) };
  const one = choose(manifest, reference);
  const found = await fetchManifest(`${repositoryOf(reference)}@${one.digest}`);
  // not every skopeo looks at the digest of a raw manifest: Debian 13's does not
  if (found.digest !== one.digest)
    throw new Failure(exit.failed, `${reference}: the registry sends another manifest than ${one.digest}`);
  const instance = found.manifest;
  if ("manifests" in instance) throw new Failure(exit.failed, `${reference}: an index in an index`);
  const config = instance.config.digest;
  return { reference, digest, instance: one.digest, config, layers: layersOf(instance.layers) };
}

/**
 * The verdict on exactly this digest: accepted, with what the image says about itself, or refused.
 * @param registries the folder that says where signatures lie; containers/image's own choice without it.
 * @throws Failure where there is no verdict, such as without a network
 */
export async function peek(
  image: Resolved,
  policy: Policy,
  registries?: string,
): Promise<{ is: "accepted"; config: ImageConfig } | Extract<Verdict, { is: "refused" }>> {
  const work = workFolder();
  const blobs = join(work.path, "blobs");
  try {
    for (const { digest } of image.layers) {
      const [kind = "sha256", hex = ""] = digest.split(":");
      mkdirSync(join(blobs, kind), { recursive: true });
      writeFileSync(join(blobs, kind, hex), "");
    }
    const found = await verdict(
      `${repositoryOf(image.reference)}@${image.digest}`,
      { policy: policy.path, registries, keys: policyKeys(policy) },
      { path: work.path, blobs },
    );
    if (found.is === "accepted") {
      // It is empty, and so refused, if the manifest calls it a layer too.
      const config = readDocument(work.path, { digest: image.config });
      return { ...found, config: parseConfig(config, `the configuration of ${image.reference}`) };
    }
    if (found.is === "refused") return found;
    throw new Failure(exit.failed, `no verdict on ${image.reference}`, {
      tried: [found.said],
      next: "run this again; if it stays so, see that the policy's files are whole",
    });
  } finally {
    work.remove();
  }
}
