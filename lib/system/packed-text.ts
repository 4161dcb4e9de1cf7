import { zstdDecompressSync } from "node:zlib";

/** A text as an annotation of an image carries it: compressed, and in base64. */

/** Says what is wrong with a text that came from outside. */
export class BadText extends Error {}

/** The same bytes for the same text. */
export function packText(text: string): string {
  return Bun.zstdCompressSync(text, { level: 19 }).toString("base64");
}

/**
 * @param limits characters that it may have as it came, and bytes that it may unpack to.
 * @throws BadText
 */
export function unpackText(packed: string, limits: { packed: number; plain: number }): string {
  if (packed.length > limits.packed) throw new BadText(`it has more than ${limits.packed} characters`);
  try {
    const bytes = Buffer.from(packed, "base64");
    // the first has a limit, the second refuses input that was cut off
    zstdDecompressSync(bytes, { maxOutputLength: limits.plain });
    return Bun.zstdDecompressSync(bytes).toString("utf8");
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new BadText(isLarge ? `it unpacks to more than ${limits.plain} bytes` : "it cannot be unpacked");
  }
}
