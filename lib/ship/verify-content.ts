/** Whether every blob of an image in a registry is what the manifest says. */

import type { Manifest } from "../oci/manifest.ts";
import { parseReference } from "../oci/reference.ts";
import { fetchLayers, RegistryFailure, Repository } from "../oci/registry.ts";
import { lastWords, openPolicy, patience, skopeo } from "../oci/skopeo.ts";
import type { Progress } from "../system/steps.ts";

/** Which part of an image a sentence with a digest is about; the digest alone means nothing to a reader. */
export function partOf(said: string, manifest: Manifest): string | undefined {
  const digests = said.match(/sha256:[0-9a-f]{64}/g) ?? [];
  for (const digest of digests) {
    if (digest === manifest.config.digest) return `the configuration ${digest}`;
    const i = manifest.layers.findIndex((layer) => layer.digest === digest);
    if (i >= 0) return `layer ${i + 1} of ${manifest.layers.length} (${digest})`;
  }
  return undefined;
}

const tampered =
  /did not match|size mismatch|does not (match|hash)|unexpected EOF|unknown|sends (another|more)|ended at byte|: 404$/i;

function told(said: string, words: string, manifest: Manifest): string {
  const part = partOf(said, manifest);
  if (part && tampered.test(said)) return `${part} was tampered with: ${words}`;
  return `${part ? `${part}: ` : ""}${words}`;
}

/**
 * Fetches every blob before skopeo does: skopeo checks a blob's size only after the whole blob has arrived, so an endless one
 * would fill the disk.
 * @returns what is wrong with the image
 */
async function fetchBounded(image: string, manifest: Manifest, blobs: string): Promise<string | undefined> {
  const reference = parseReference(image);
  if (!reference) return `${image} is not the name of an image`;
  try {
    const repository = new Repository(reference);
    await repository.open();
    await fetchLayers(repository, manifest.layers, blobs);
    return undefined;
  } catch (error) {
    if (!(error instanceof RegistryFailure)) throw error;
    return [error.message, error.details.tried?.at(-1)].join(": ");
  }
}

/**
 * Fetches an image into an oci folder.
 * @param image `repository@digest`
 * @returns what is wrong with it, and with which part; undefined where all is well
 */
export async function contentTrouble(
  image: string,
  manifest: Manifest,
  folder: { path: string; blobs: string },
  progress: Progress,
): Promise<string | undefined> {
  const trouble = await fetchBounded(image, manifest, folder.blobs);
  if (trouble !== undefined) return told(trouble, trouble, manifest);
  const words = [
    ...["--command-timeout", patience.image, "--policy", openPolicy(folder.path)],
    ...["copy", "--quiet", "--remove-signatures", "--preserve-digests", "--dest-shared-blob-dir", folder.blobs],
    `docker://${image}`,
    `oci:${folder.path}:fetched`,
  ];
  const { code, said } = await skopeo(words, { progress, mounts: [folder.path, folder.blobs] });
  return code === 0 ? undefined : told(said, lastWords(said), manifest);
}
