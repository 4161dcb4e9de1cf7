/** The documents of the OCI image specification, as far as they are read here; what else is in them is kept. */
import { exit, Failure } from "../cli/errors.ts";
import { most, raise } from "./limits.ts";

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture?: string; os?: string };
}

export interface Manifest {
  schemaVersion: 2;
  mediaType?: string;
  config: Descriptor;
  layers: Descriptor[];
  annotations?: Record<string, string>;
}

export interface Index {
  manifests: Descriptor[];
}

export interface ImageConfig {
  created?: string;
  architecture?: string;
  config?: { Labels?: Record<string, string> | null };
  rootfs: { type: "layers"; diff_ids: string[] };
  history?: object[];
}

/** The documents of one image. */
export interface Opened {
  manifest: Manifest;
  /** Of the manifest. */
  digest: string;
  config: ImageConfig;
}

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  zstdLayer: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

const digestForm = /^sha256:[0-9a-f]{64}$/;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextMap(value: unknown): boolean {
  return value == null || (isObject(value) && Object.values(value).every((text) => typeof text === "string"));
}

function isDescriptor(value: unknown): value is Descriptor {
  // A digest becomes part of a path: anything else than hexadecimal digits must not get that far.
  return (
    isObject(value) &&
    typeof value.digest === "string" &&
    digestForm.test(value.digest) &&
    Number.isSafeInteger(value.size) &&
    Number(value.size) >= 0 &&
    isTextMap(value.annotations) &&
    (value.platform == null || isObject(value.platform))
  );
}

/** How deep a document nests; the specification's own come to 6, and what nests by the thousand overflows who writes it again. */
const mostNesting = 100;

export function nestsTooDeep(text: string): boolean {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").matchAll(/[[{}\]]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest > mostNesting;
}

function parse(text: string, where: string): Record<string, unknown> {
  if (nestsTooDeep(text)) throw new Failure(exit.failed, `${where} nests deeper than ${mostNesting} levels`);
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // told below
  }
  throw new Failure(exit.failed, `${where} is no JSON document`);
}

/** @throws Failure for a document of another form. */
export function parseManifest(text: string, where: string): Manifest | Index {
  const value = parse(text, where);
  if (Array.isArray(value.manifests) && value.manifests.every(isDescriptor)) return { manifests: value.manifests };
  if (Array.isArray(value.layers) && value.layers.length > most("layers"))
    throw new Failure(
      exit.failed,
      `${where} has ${value.layers.length} layers; Slipway reads ${most("layers")} at most`,
      {
        next: raise,
      },
    );
  if (
    isDescriptor(value.config) &&
    Array.isArray(value.layers) &&
    value.layers.every(isDescriptor) &&
    isTextMap(value.annotations)
  )
    return value as unknown as Manifest;
  throw new Failure(exit.failed, `${where} is no image manifest`);
}

export function parseConfig(text: string, where: string): ImageConfig {
  const value = parse(text, where);
  const { rootfs, config, created, history } = value;
  const isRight =
    (config == null || (isObject(config) && isTextMap(config.Labels))) &&
    (created == null || typeof created === "string") &&
    (history == null || Array.isArray(history));
  if (
    isRight &&
    isObject(rootfs) &&
    Array.isArray(rootfs.diff_ids) &&
    rootfs.diff_ids.every((d) => digestForm.test(String(d)))
  )
    return value as unknown as ImageConfig;
  throw new Failure(exit.failed, `${where} is no image configuration`);
}

/** Of an index, the manifest for this machine's kind, or the only one. */
export function choose(index: Index, where: string): Descriptor {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const found =
    index.manifests.length === 1 ? index.manifests[0] : index.manifests.find((m) => m.platform?.architecture === arch);
  if (found) return found;
  throw new Failure(exit.failed, `${where} has no image for ${arch}`, {
    tried: index.manifests
      .slice(0, 10)
      .map((m) => `${m.platform?.os ?? "?"}/${m.platform?.architecture ?? "?"} ${m.digest}`),
  });
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}
