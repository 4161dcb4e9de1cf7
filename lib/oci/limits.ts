import { exit, Failure } from "../system/errors.ts";

/**
 * What reading an image may cost at most. An image is somebody else's: a few kilobytes of it can claim any size. Each limit is far
 * above the largest images known (30 GB unpacked, 1,000,000 files); $SLIPWAY_IMAGE_LIMITS makes all of them so many times as high.
 */
export const limits = {
  /** Linux (overlayfs) stacks 500 folders at most, so no machine can run an image with more layers. */
  layers: 500,
  /** Names in the tree, and entries of a layer. Each costs 170 bytes of memory and about 200 on disk: some 700 MB of each. */
  entries: 4_000_000,
  /** Bytes of all layers unpacked, holes of sparse files counted: what is needed on the disk. */
  unpacked: 128 * 2 ** 30,
  /** Bytes that any image may unpack to, however small it is: a file of zeros packs to nothing. */
  slack: 2 ** 30,
  /** Above that, unpacked bytes for each packed byte. Systems have about 4; gzip cannot do more than 1032. */
  ratio: 250,
  /** Pieces of all sparse files together. Each costs 100 bytes of memory. */
  parts: 1_000_000,
  /** Bytes of different names, link targets and attributes. A large system has 60 MB. */
  texts: 512 * 2 ** 20,
  /** Bytes of one list of a package database. Debian's longest has 5 MB. */
  list: 32 * 2 ** 20,
  /** Bytes of a database file, which is read into memory. Fedora's largest have 400 MB. */
  database: 512 * 2 ** 20,
  /** Bytes of all lists and databases together. */
  lists: 2 ** 30,
  /** Folders and links gone through to find the files that databases name. A million files take 10,000,000. */
  steps: 200_000_000,
  /** Components: sorting them into layers takes time by their square, half a minute for these. Large systems have 3,000. */
  components: 8_000,
} as const;

const variable = "SLIPWAY_IMAGE_LIMITS";

/** What to do about an image over a limit. */
export const raise = `if you trust the image: ${variable}=4 makes every limit four times as high`;

/** A limit in this run. @throws Failure (usage) for a variable that is not a number */
export function most(name: keyof typeof limits): number {
  const text = process.env[variable] || "1";
  if (!/^\d{1,4}(\.\d{1,3})?$/.test(text) || Number(text) <= 0)
    throw new Failure(exit.usage, `${variable} is not a number between 0 and 10000`, { next: `such as ${variable}=4` });
  return Math.ceil(limits[name] * Number(text));
}

/** How many bytes an image may unpack to. @param packed bytes of its layers as they lie there */
export function mostUnpacked(packed: number): number {
  return Math.min(most("unpacked"), most("slack") + packed * most("ratio"));
}
