/** The documents of the OCI image specification, as far as they are read here; what else is in them is kept. */
import { exit, Failure } from "../system/errors.ts";
import { most, raise } from "./limits.ts";

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture?: string; os?: string; variant?: string };
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

/** How a layer was made, or a step that made none. */
export interface HistoryEntry {
  created?: string;
  created_by?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface ImageConfig {
  created?: string;
  architecture?: string;
  config?: { Labels?: Record<string, string> | null };
  rootfs: { type: "layers"; diff_ids: string[] };
  history?: HistoryEntry[];
}

/** The documents of one image. */
export interface Opened {
  manifest: Manifest;
  /** Of the manifest. */
  digest: string;
  /** Of the index that the manifest was chosen from. */
  index?: string;
  config: ImageConfig;
}

export const mediaTypes = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  gzipLayer: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstdLayer: "application/vnd.oci.image.layer.v1.tar+zstd",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
} as const;

const digestForm = /^sha256:[0-9a-f]{64}$/;

/** Bytes of a document, wherever it comes from; the limit of registries and of containers/image. */
export const largestDocument = 4 << 20;
/** Images of an index. */
const mostImages = 1024;
/** The documents of images nest six times; the parser takes seconds for a million. */
const deepest = 64;

/** Whether brackets nest deeper than any document of an image does. One pass: a pattern could be made to take for ever. */
export function nestsTooDeep(text: string): boolean {
  let depth = 0;
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') isString = !isString;
    else if (isString) i += c === "\\" ? 1 : 0;
    else if (c === "[" || c === "{") depth++;
    else if (c === "]" || c === "}") depth--;
    if (depth > deepest) return true;
  }
  return false;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A list of names and texts, or nothing. */
function isWords(value: unknown): boolean {
  return value === undefined || value === null || (isObject(value) && Object.values(value).every(isText));
}

const isText = (value: unknown) => typeof value === "string";

function isDescriptor(value: unknown): value is Descriptor {
  // A digest becomes part of a path: anything else than hexadecimal digits must not get that far.
  return (
    isObject(value) &&
    isText(value.digest) &&
    digestForm.test(String(value.digest)) &&
    Number.isSafeInteger(value.size) &&
    Number(value.size) >= 0 &&
    (value.mediaType === undefined || isText(value.mediaType)) &&
    isWords(value.annotations) &&
    (value.platform === undefined || value.platform === null || isObject(value.platform))
  );
}

function isList(value: unknown): value is Descriptor[] {
  return Array.isArray(value) && value.every(isDescriptor);
}

/** JSON is UTF-8 (RFC 8259). Other bytes could not be written again as they were. */
function decoded(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Failure(exit.failed, `${where} is no JSON document: it has bytes that are not UTF-8`);
  }
}

function parse(bytes: Uint8Array | string, where: string): Record<string, unknown> {
  try {
    const text = typeof bytes === "string" ? bytes : decoded(bytes, where);
    if (nestsTooDeep(text)) throw new Failure(exit.failed, `${where} nests deeper than ${deepest} levels`);
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    if (error instanceof Failure) throw error;
  }
  throw new Failure(exit.failed, `${where} is no JSON document`);
}

function refuseMore(list: unknown, what: string, limit: number, where: string): void {
  if (!Array.isArray(list) || list.length <= limit) return;
  const said = `${where} has ${list.length} ${what}; Slipway reads ${limit} at most`;
  throw new Failure(exit.failed, said, { next: raise });
}

/** @throws Failure for a document of another form. */
export function parseManifest(bytes: Uint8Array | string, where: string): Manifest | Index {
  const value = parse(bytes, where);
  refuseMore(value.manifests, "images", mostImages, where);
  refuseMore(value.layers, "layers", most("layers"), where);
  if (isList(value.manifests)) return { manifests: value.manifests };
  if (isDescriptor(value.config) && isList(value.layers) && isWords(value.annotations))
    return value as unknown as Manifest;
  throw new Failure(exit.failed, `${where} is no image manifest`);
}

export function parseConfig(bytes: Uint8Array | string, where: string): ImageConfig {
  const value = parse(bytes, where);
  const { rootfs, config, history } = value;
  const isHistory = history === undefined || history === null || (Array.isArray(history) && history.every(isObject));
  const diffIds = isObject(rootfs) ? rootfs.diff_ids : undefined;
  const areDigests = Array.isArray(diffIds) && diffIds.every((d) => isText(d) && digestForm.test(String(d)));
  const areLabels = config === undefined || config === null || (isObject(config) && isWords(config.Labels));
  if (
    areDigests &&
    areLabels &&
    isHistory &&
    (value.created === undefined || value.created === null || isText(value.created))
  )
    return value as unknown as ImageConfig;
  throw new Failure(exit.failed, `${where} is no image configuration`);
}

function platformName({ platform }: Descriptor): string {
  return [platform?.os ?? "?", platform?.architecture ?? "?", platform?.variant].filter(Boolean).join("/");
}

/** Variants of a CPU that podman takes here, the best first; for most it takes no variant. */
const variants: Record<string, string[]> = { arm64: ["v8", ""] };

/**
 * Of an index, the manifest for this machine, or the only one.
 * Source: containers/image, internal/pkg/platform: system, arch and variant must all be those of the machine.
 */
export function choose(index: Index, where: string): Descriptor {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  const fits = index.manifests.filter(({ platform }) => platform?.architecture === arch && platform.os === "linux");
  const best = (variants[arch] ?? [""]).flatMap((wanted) => fits.filter((m) => (m.platform?.variant ?? "") === wanted));
  const found = index.manifests.length === 1 ? index.manifests[0] : best[0];
  if (found) return found;
  throw new Failure(exit.failed, `${where} has no image for linux/${arch}`, {
    tried: index.manifests.slice(0, 10).map((m) => `${platformName(m)} ${m.digest}`),
  });
}

export function sha256(bytes: Uint8Array | string): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}`;
}
