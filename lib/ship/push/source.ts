import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "../../family/family.ts";
import { packingOf } from "../../layers/blob.ts";
import type { LayerPacking } from "../../layers/layer-tar.ts";
import { blobPath, openLayout } from "../../oci/layout.ts";
import { type Manifest, sha256 } from "../../oci/manifest.ts";
import { lastWords, patience, skopeo } from "../../oci/skopeo.ts";
import { localImages } from "../../oci/storage.ts";
import { exit, Failure } from "../../system/errors.ts";
import type { Progress } from "../../system/steps.ts";
import { podman } from "../../tools/podman.ts";
import { nextAfter } from "../../tools/podman-failures.ts";
import { imageFolder } from "../rechunk/target.ts";
import { isPackedAs, ofCompressor, oneManifest } from "./compare.ts";

/**
 * What is sent is a folder, made whole before anything goes out: layers compressed, annotations in place. Then the registry
 * has to have exactly this manifest afterwards, and a further attempt sends the same bytes.
 *
 * Where the image comes out of podman's storage, two losses are made good here. podman 4.3 writes layers out unpacked and calls them
 * what they were before. And podman and skopeo, up to skopeo 1.22, drop the annotations of every layer that they compress (podman
 * issue 27796): they are put back from the manifest that podman's storage keeps.
 */
export interface Source {
  /** An oci folder. */
  path: string;
  manifest: Manifest;
  digest: string;
}

/** @throws Failure for a folder that is none, or is broken */
export function openSource(path: string): Source {
  const { manifest, digest } = openLayout(path);
  return { path, manifest, digest };
}

/** The image's id in podman's storage, as the digest of its configuration. */
export async function imageId(target: Target): Promise<string> {
  const image = (await localImages()).get(target.reference);
  if (image) return `sha256:${image.id}`;
  throw new Failure(exit.failed, `${target.reference} is not in podman's storage`, {
    tried: ["podman image ls"],
    next: `bun run build ${target.arch.name} ${target.flavor.name}`,
  });
}

/** What rechunk made of the image that is in storage now; an older one is not pushed, nor one that is packed in another way. */
export async function rechunked(target: Target, packing: LayerPacking): Promise<Source | undefined> {
  const path = imageFolder(target.reference);
  if (!existsSync(join(path, "index.json"))) return undefined;
  const source = openSource(path);
  const image = (await localImages()).get(target.reference);
  const isNow = !image || source.manifest.config.digest === `sha256:${image.id}`;
  return isNow && isPackedAs(source.manifest, packing) ? source : undefined;
}

/** The manifest under which podman's storage keeps an image; undefined where it cannot be read. */
async function storedManifest(id: string): Promise<Manifest | undefined> {
  const { stdout } = await podman(["info", "--format", "{{.Store.GraphRoot}} {{.Store.GraphDriverName}}"]);
  const [graph = "", driver = ""] = stdout.trim().split(" ");
  const path = join(graph, `${driver}-images`, id.replace("sha256:", ""), "manifest");
  return existsSync(path) ? oneManifest(readFileSync(path, "utf8"), path) : undefined;
}

/** Pure: `packed` with the annotations of `kept`, layer by layer; what the compressor wrote about its own work stays. */
export function withAnnotations(packed: Manifest, kept: Manifest): Manifest {
  if (packed.layers.length !== kept.layers.length) return packed;
  const layers = packed.layers.map((layer, i) => {
    const lost = Object.entries(kept.layers[i]?.annotations ?? {}).filter(([key]) => !ofCompressor.test(key));
    const annotations = { ...layer.annotations, ...Object.fromEntries(lost) };
    return Object.keys(annotations).length ? { ...layer, annotations } : layer;
  });
  return { ...packed, layers, ...(kept.annotations ? { annotations: kept.annotations } : {}) };
}

/** Calls every layer of a `dir:` folder what it is: unpacked, or packed in which way. */
function nameLayers(path: string): void {
  const file = join(path, "manifest.json");
  const manifest = oneManifest(readFileSync(file, "utf8"), file);
  for (const layer of manifest.layers) {
    const packing = packingOf(join(path, layer.digest.replace("sha256:", "")));
    layer.mediaType = `application/vnd.oci.image.layer.v1.tar${packing === "none" ? "" : `+${packing}`}`;
  }
  writeFileSync(file, JSON.stringify(manifest));
}

/** Writes another manifest into a folder of one image. */
function replaceManifest(path: string, manifest: Manifest): Source {
  const text = JSON.stringify(manifest);
  const digest = sha256(text);
  writeFileSync(blobPath(path, digest), text);
  const mediaType = manifest.mediaType ?? "application/vnd.oci.image.manifest.v1+json";
  const manifests = [{ mediaType, digest, size: Buffer.byteLength(text) }];
  writeFileSync(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
  return openSource(path);
}

/** Pure: the words of skopeo that compress a folder. */
export function packWords(from: string, to: string, { compression, level }: LayerPacking, policy: string): string[] {
  return [
    ...["--command-timeout", patience.image, "--policy", policy, "copy", "--quiet", "--format", "oci"],
    ...["--dest-compress-format", compression, "--dest-compress-level", String(level)],
    ...[`dir:${from}`, `oci:${to}`],
  ];
}

/** The image of podman's storage as a folder, compressed as its machines need it. */
export async function writeOut(
  target: Target,
  packing: LayerPacking,
  files: { folder: string; policy: string },
  progress: Progress,
): Promise<Source> {
  progress.now("writing it out of podman's storage");
  const [plain, packed] = [join(files.folder, "plain"), join(files.folder, "packed")];
  const words = ["push", "--quiet", "--signature-policy", files.policy, "--remove-signatures"];
  const failure = (what: string, said: string) =>
    new Failure(exit.failed, `${target.reference} could not be ${what}`, {
      tried: [lastWords(said)],
      next: nextAfter(said, "bun run doctor"),
      log: progress.log,
    });
  const written = await podman([...words, target.reference, `dir:${plain}`], { log: progress.log });
  if (written.code !== 0) throw failure("written out of podman's storage", written.said);
  nameLayers(plain);
  progress.now("compressing its layers");
  const mounts = [files.folder];
  const made = await skopeo(packWords(plain, packed, packing, files.policy), { progress, mounts });
  if (made.code !== 0) throw failure("compressed", made.said);
  const { manifest } = openSource(packed);
  const kept = await storedManifest(await imageId(target));
  return replaceManifest(packed, kept ? withAnnotations(manifest, kept) : manifest);
}
