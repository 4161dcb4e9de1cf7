/**
 * Which local images Slipway made.
 *
 * A label alone does not tell: an image that somebody builds on one of ours inherits it. A named image is ours if it has our
 * label and one of our names. An unnamed one is ours if its history says so: after the last of our labels, which end each
 * of our builds, either nothing follows, or a build of ours begins again. Without such a label it is the start of a build of
 * ours that was not finished, or one of its stages: then something of it came out of our helpers.
 */
export interface ImageRecord {
  id: string;
  names: string[];
  labels: Record<string, string>;
  /** What made each layer, the lowest first. */
  history: string[];
}

/** How the names of images begin that Slipway makes for itself, whatever the family. */
export const ownPrefixes = ["localhost/slipway-debian:", "localhost/slipway-toolbox:"];

const ourLabels = ["org.slipway.key", "org.slipway.toolbox", "org.slipway.debian"];
const lastWord = /LABEL .*\borg\.slipway\./;
const ourWork = /\/usr\/libexec\/slipway\/| in \/slipway\/|u=rwX,go=rX \/(overlay|slipway)\b/;
/** What made a layer of a rechunked image, in its history. */
export const madeByRechunk = "slipway rechunk";
const madeFromPackages = "Debian's packages, by mmdebstrap";

/** @param prefixes how the names of our images begin, such as `localhost/slipway-debian:` */
export function isOurs(image: ImageRecord, prefixes: string[]): boolean {
  if (image.names.length > 0)
    return (
      image.names.every((name) => prefixes.some((prefix) => name.startsWith(prefix))) &&
      ourLabels.some((label) => label in image.labels)
    );
  const history = image.history.filter((line) => line !== madeByRechunk);
  const end = history.findLastIndex((line) => lastWord.test(line));
  const after = history.slice(end + 1);
  if (end >= 0 && after.length === 0) return true;
  if (after.length === 1 && after[0] === madeFromPackages) return "org.slipway.debian" in image.labels;
  return after.some((line) => ourWork.test(line));
}
