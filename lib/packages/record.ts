import { type ImageConfig, type Manifest, sha256 } from "../oci/manifest.ts";
import { BadText, packText, unpackText } from "../system/packed-text.ts";

/**
 * Which packages an image has, in an annotation of its manifest. Whoever compares two images reads it there, and no layer is
 * fetched. It names the layers that it is about: an image that is built on this one takes over its annotations, and has other
 * packages.
 *
 * The first line is the version of the form and a hash of the layers; then a line a package: name, blank, version.
 */
export const packagesAnnotation = "org.slipway.packages";

/** By name the version. A package that is installed several times has its versions in one, with commas. */
export type Packages = ReadonlyMap<string, string>;

/** So that a later Slipway knows what it reads. */
const form = 1;

/** A record comes from a registry, and may be anything. The largest systems have some 6,000 packages, in 80,000 characters. */
export const recordLimits = {
  /** Characters of the annotation. */
  packed: 1 << 19,
  /** Bytes when unpacked. */
  plain: 8 << 20,
  packages: 32_768,
  /** Characters of a name or a version. */
  word: 200,
} as const;

/** Characters of names and versions in dpkg, pacman and rpm. A backtick would end the code of a Markdown text. */
const word = /^[!-_a-~]+$/;

/** Whether a text can be a package's name or version. */
export function isWord(text: string): boolean {
  return text.length <= recordLimits.word && word.test(text);
}

const layersOf = ({ rootfs }: ImageConfig) => sha256(rootfs.diff_ids.join("\n")).slice("sha256:".length, 23);

/**
 * Annotations with the record of what an image has. One that was there, a base image's, is taken away.
 * Without packages, or with more than a reader takes, there is none.
 */
export function withPackages(
  annotations: Record<string, string>,
  packages: Packages,
  config: ImageConfig,
): Record<string, string> {
  const { [packagesAnnotation]: _, ...others } = annotations;
  if (packages.size === 0 || packages.size > recordLimits.packages) return others;
  const lines = [...packages].map(([name, version]) => `${name} ${version.slice(0, recordLimits.word)}`).sort();
  const packed = packText([`${form} ${layersOf(config)}`, ...lines].join("\n"));
  return packed.length > recordLimits.packed ? others : { ...others, [packagesAnnotation]: packed };
}

function parse(text: string, config: ImageConfig): Packages | undefined {
  const [head = "", ...lines] = text.split("\n", recordLimits.packages + 2);
  const [stated, layers] = head.split(" ", 2);
  if (stated !== String(form)) throw new BadText(`it is not of version ${form}`);
  if (layers !== layersOf(config)) return undefined;
  if (lines.length > recordLimits.packages) throw new BadText(`it has more than ${recordLimits.packages} packages`);
  const packages = new Map<string, string>();
  for (const [i, line] of lines.entries()) {
    const [name = "", version = "", ...more] = line.split(" ", 3);
    if (more.length || !isWord(name) || !isWord(version))
      throw new BadText(`line ${i + 2} is not a package's name and version`);
    if (packages.has(name)) throw new BadText(`line ${i + 2} names a package for the second time`);
    packages.set(name, version);
  }
  return packages;
}

/**
 * The packages of an image, from its manifest. @param complain gets what is wrong with a record that is not valid.
 * @returns undefined where there is no record, or it is of another image, or not valid
 */
export function packagesOf(
  { manifest, config }: { manifest: Manifest; config: ImageConfig },
  complain: (why: string) => void = () => {},
): Packages | undefined {
  const packed = manifest.annotations?.[packagesAnnotation];
  if (packed === undefined) return undefined;
  try {
    return parse(unpackText(packed, recordLimits), config);
  } catch (error) {
    if (!(error instanceof BadText)) throw error;
    complain(error.message);
    return undefined;
  }
}
