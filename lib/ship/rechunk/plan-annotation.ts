import { BadText, packText, unpackText } from "../../system/packed-text.ts";
import { window } from "./clusters.ts";
import type { Memory, Past } from "./plan.ts";

/** The annotation of the manifest that carries a plan from one release to the next. */
export const planAnnotation = "org.slipway.plan";

/** So that a later Slipway knows what it reads. */
const version = 1;

/**
 * What a plan may be at most. It comes from a registry, and may be anything. An image of half a million files has some 4,000
 * components, about 100 bytes each: these limits are ten times that and more.
 */
export const planLimits = {
  /** Characters of the annotation; a whole manifest has 4 MiB. */
  packed: 1 << 20,
  /** Bytes when unpacked. */
  plain: 8 << 20,
  layers: 1024,
  components: 65_536,
  /** Characters of a component's name, or its digest: a path of 4,096 bytes, each written as `%20`. */
  word: 12_400,
  /** A release a minute for two years. */
  releases: 1 << 20,
  /** The last second of the year 9999: dates have four digits. */
  epoch: 253_402_300_799,
} as const;

/** A name with a blank in it would break a line in two. */
const oneWord = (name: string) => name.replaceAll(/[%\s]/g, (c) => encodeURIComponent(c));

/**
 * A line a layer, `name digest past` for each component, the past being its bits behind a leading 1; compressed and in
 * base64. A thousand components are about 20 kB.
 */
export function encodeMemory(memory: Memory): string {
  const past = ({ name, digest, changed, known }: Past) =>
    `${oneWord(name)} ${digest} ${(2 ** known + (changed & (2 ** known - 1))).toString(36)}`;
  const lines = memory.layers.map((layer) => layer.map(past).join("\t"));
  const text = [`${version} ${memory.epoch} ${memory.releases}`, ...lines].join("\n");
  return packText(text);
}

function wholeNumber(text: string | undefined, most: number, what: string, least = 0): number {
  const value = /^\d{1,15}$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new BadText(`${what} is not a whole number from ${least} to ${most}`);
}

function decodeName(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    throw new BadText("a component's name is not well formed");
  }
}

function decodePast(text: string, place: string): Past {
  const [name = "", digest = "", bits = "", ...more] = text.split(" ");
  const most = 2 ** (window + 1);
  const value = /^[0-9a-z]{1,8}$/.test(bits) ? Number.parseInt(bits, 36) : 0;
  if (more.length || !name || !digest || value < 1 || value >= most)
    throw new BadText(`${place} has a component that is not "name digest past"`);
  if (name.length > planLimits.word || digest.length > planLimits.word)
    throw new BadText(`${place} has a name of more than ${planLimits.word} characters`);
  const known = 31 - Math.clz32(value);
  return { name: decodeName(name), digest, changed: value - 2 ** known, known };
}

function parse(text: string): Memory {
  const [head = "", ...lines] = text.split("\n", planLimits.layers + 2);
  const [stated, epoch, releases] = head.split(" ", 4);
  if (stated !== String(version)) throw new BadText(`it is not of version ${version}`);
  if (lines.length > planLimits.layers) throw new BadText(`it has more than ${planLimits.layers} layers`);
  const seen = new Set<string>();
  const layers = lines.map((line, i) =>
    (line === "" ? [] : line.split("\t", planLimits.components + 1)).map((word) => {
      const past = decodePast(word, `layer ${i + 1}`);
      if (seen.has(past.name)) throw new BadText(`layer ${i + 1} has a component that another place has too`);
      if (seen.add(past.name).size > planLimits.components)
        throw new BadText(`it has more than ${planLimits.components} components`);
      return past;
    }),
  );
  return {
    epoch: wholeNumber(epoch, planLimits.epoch, "its time", 1),
    releases: wholeNumber(releases, planLimits.releases, "its count of releases"),
    layers,
  };
}

/**
 * Reads a plan, which may come from anybody: nothing that it says takes more memory or time than `planLimits` allow.
 * @param complain gets what is wrong with a bad plan.
 * @returns undefined for what is not a plan of ours: the caller makes a new one.
 */
export function decodeMemory(annotation: unknown, complain: (why: string) => void = () => {}): Memory | undefined {
  if (annotation === undefined || annotation === "") return undefined;
  try {
    if (typeof annotation !== "string") throw new BadText("it is not text");
    return parse(unpackText(annotation, planLimits));
  } catch (error) {
    if (!(error instanceof BadText)) throw error;
    complain(error.message);
    return undefined;
  }
}
