import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { readRegular } from "../system/regular-file.ts";
import {
  choose,
  type Descriptor,
  type ImageConfig,
  largestDocument,
  type Manifest,
  mediaTypes,
  type Opened,
  parseConfig,
  parseManifest,
  sha256,
} from "./manifest.ts";

/** Source: the OCI image specification, image-layout.md. */

/** Names of a folder's images that an error lists. */
const mostNames = 10;

const refName = "org.opencontainers.image.ref.name";

export function blobPath(folder: string, digest: string): string {
  return join(folder, "blobs", digest.replace(":", "/"));
}

/** A small document of a folder: its digest is checked, and its size where that is known. */
export function readDocument(folder: string, { digest, size }: { digest: string; size?: number }): Buffer {
  const path = blobPath(folder, digest);
  if (!existsSync(path)) throw new Failure(exit.failed, `${folder}: the blob ${digest} is missing`);
  const bytes = readRegular(path, folder, largestDocument);
  if (sha256(bytes) !== digest)
    throw new Failure(exit.failed, `${folder}: the blob ${digest} was changed: it does not hash to its name`);
  if (size !== undefined && bytes.length !== size)
    throw new Failure(exit.failed, `${folder}: the blob ${digest} has ${bytes.length} bytes, not ${size} as stated`);
  return bytes;
}

/** @param tag which image of several; @throws Failure naming what is missing or broken. */
export function openLayout(folder: string, tag?: string): Opened {
  const path = join(folder, "index.json");
  if (!existsSync(path)) throw new Failure(exit.failed, `${folder} is no oci folder: it has no index.json`);
  const index = parseManifest(readRegular(path, folder, largestDocument), path);
  if (!("manifests" in index)) throw new Failure(exit.failed, `${path} is no index`);
  const named = tag === undefined ? index.manifests : index.manifests.filter((m) => m.annotations?.[refName] === tag);
  const [only] = named;
  if (!only) {
    const names = index.manifests.slice(0, mostNames).map((m) => m.annotations?.[refName] ?? m.digest);
    throw new Failure(exit.failed, `${folder} has no image ${tag ?? ""}`.trim(), {
      choices: [`it has: ${names.join(" ")}`],
    });
  }
  let descriptor = named.length === 1 ? only : choose({ manifests: named }, path);
  let document_ = parseManifest(readDocument(folder, descriptor), descriptor.digest);
  if ("manifests" in document_) {
    descriptor = choose(document_, descriptor.digest);
    document_ = parseManifest(readDocument(folder, descriptor), descriptor.digest);
  }
  if ("manifests" in document_) throw new Failure(exit.failed, `${folder}: an index in an index`);
  const config = parseConfig(readDocument(folder, document_.config), document_.config.digest);
  return { manifest: document_, digest: descriptor.digest, config };
}

function putDocument(folder: string, mediaType: string, value: object): Descriptor {
  const text = JSON.stringify(value);
  const digest = sha256(text);
  const size = Buffer.byteLength(text);
  if (size > largestDocument)
    throw new Failure(exit.failed, `a document of the image would have ${size} bytes; tools read ${largestDocument}`);
  writeFileSync(blobPath(folder, digest), text);
  return { mediaType, digest, size };
}

/** Makes the folders of an empty layout. */
export function startLayout(folder: string): void {
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
}

/** Writes the documents of an image whose layers lie in the folder already. @returns the manifest's digest. */
export function finishLayout(
  folder: string,
  config: ImageConfig,
  manifest: Omit<Manifest, "config">,
  tag?: string,
): string {
  const configDescriptor = putDocument(folder, mediaTypes.config, config);
  const descriptor = putDocument(folder, mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: configDescriptor,
    layers: manifest.layers,
    ...(manifest.annotations ? { annotations: manifest.annotations } : {}),
  });
  writeFileSync(join(folder, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const named = tag === undefined ? descriptor : { ...descriptor, annotations: { [refName]: tag } };
  writeFileSync(
    join(folder, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [named] }),
  );
  return descriptor.digest;
}
