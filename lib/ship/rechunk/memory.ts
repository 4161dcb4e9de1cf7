import type { Memory, Past } from "./plan.ts";

/** The annotation of the manifest that carries a plan from one release to the next. */
export const planAnnotation = "org.slipway.plan";

/** So that a later Slipway knows what it reads. */
const version = 1;

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
  return Bun.zstdCompressSync(text, { level: 19 }).toString("base64");
}

function decodePast(text: string): Past | undefined {
  const [name, digest, bits] = text.split(" ");
  const value = Number.parseInt(bits ?? "", 36);
  if (!name || !digest || !(value >= 1)) return undefined;
  const known = Math.floor(Math.log2(value));
  return { name: decodeURIComponent(name), digest, changed: value - 2 ** known, known };
}

/** @returns undefined for what is no plan of ours: it is then made anew. */
export function decodeMemory(annotation: string | undefined): Memory | undefined {
  if (!annotation) return undefined;
  try {
    const text = Bun.zstdDecompressSync(Buffer.from(annotation, "base64")).toString("utf8");
    const [head = "", ...lines] = text.split("\n");
    const [stated, epoch, releases] = head.split(" ").map(Number);
    if (stated !== version || epoch === undefined || releases === undefined || !Number.isSafeInteger(epoch))
      return undefined;
    const layers = lines.map((line) => (line === "" ? [] : line.split("\t").map(decodePast)));
    if (layers.flat().some((past) => past === undefined)) return undefined;
    return { epoch, releases, layers: layers.map((layer) => layer.filter((past) => past !== undefined)) };
  } catch {
    return undefined;
  }
}
