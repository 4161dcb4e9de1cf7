import type { LayerPacking } from "../../layers/layer-tar.ts";
import { type Descriptor, type Manifest, parseManifest } from "../../oci/manifest.ts";
import { exit, Failure } from "../../system/errors.ts";

/**
 * Whether what a registry has is what was sent, and if not, what became of it. A layer may arrive compressed, and then its digest says
 * nothing; what must not change: the configuration (it names every layer's content), how many layers there are, and all
 * the annotations, which podman loses at a first push (its issue 27796) and nothing else would miss.
 */

/** @throws Failure for a text that is not the manifest of one image. */
export function oneManifest(text: string, where: string): Manifest {
  const manifest = parseManifest(text, where);
  if ("layers" in manifest) return manifest;
  throw new Failure(exit.failed, `${where} is a list of images, not one`);
}

/** Layers that come as they are: then what arrives has the same digests. */
export function isCompressed({ mediaType }: Descriptor): boolean {
  return /[.+](gzip|zstd)$/.test(mediaType);
}

/** What zstd:chunked writes about itself; nobody sent it. */
export const ofCompressor = /^io\.github\.containers\.zstd-chunked\./;

export function isChunked({ layers }: Manifest): boolean {
  return layers.some(({ annotations }) => Object.keys(annotations ?? {}).some((key) => ofCompressor.test(key)));
}

/** Whether an image's layers are packed so. One frame is good for those too who would read parts of it. */
export function isPackedAs(manifest: Manifest, { compression }: LayerPacking): boolean {
  const packed = compression === "gzip" ? "gzip" : "zstd";
  const isForm = manifest.layers.every(({ mediaType }) => mediaType.endsWith(packed));
  return isForm && (compression === "zstd:chunked" || !isChunked(manifest));
}

function annotationDifferences(
  where: string,
  sent: Record<string, string> = {},
  there: Record<string, string> = {},
): string[] {
  const lost = Object.entries(sent)
    .filter(([key, value]) => there[key] !== value)
    .map(([key]) => `${where}: the annotation ${key} ${there[key] === undefined ? "is missing" : "is another one"}`);
  const added = Object.keys(there).filter((key) => !(key in sent) && !ofCompressor.test(key));
  return [...lost, ...added.map((key) => `${where}: the annotation ${key} was not sent`)];
}

/** Sentences, one for each difference; none means that it arrived. */
export function differences(sent: Manifest, there: Manifest): string[] {
  const found: string[] = [];
  if (sent.config.digest !== there.config.digest)
    found.push(`the configuration is ${there.config.digest}, sent was ${sent.config.digest}`);
  if (sent.layers.length !== there.layers.length)
    found.push(`${there.layers.length} layers, sent were ${sent.layers.length}`);
  found.push(...annotationDifferences("the manifest", sent.annotations, there.annotations));
  for (const [i, layer] of sent.layers.entries()) {
    const other = there.layers[i];
    if (!other) continue;
    const where = `layer ${i + 1} of ${sent.layers.length}`;
    if (isCompressed(layer) && layer.digest !== other.digest)
      found.push(`${where} is ${other.digest}, sent was ${layer.digest}`);
    found.push(...annotationDifferences(where, layer.annotations, other.annotations));
  }
  return found;
}
