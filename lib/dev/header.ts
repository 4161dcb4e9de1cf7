import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a test file says of itself, in comments of its own near the top:
 *
 *     // needs: toolbox registry
 *     // reaches: push sign containerfiles/
 *
 * `needs` names images that are made once for all tests (tests/support/needs.ts). `reaches` names what the file tests
 * without importing it: commands, files and folders. `./run test --changed` follows it.
 */
export interface Header {
  needs: string[];
  reaches: string[];
}

export function readHeader(text: string): Header {
  const words = (name: string) =>
    [...text.matchAll(new RegExp(`^// ${name}: (.+)$`, "gm"))].flatMap(([, list = ""]) => list.trim().split(/\s+/));
  return { needs: words("needs"), reaches: words("reaches") };
}

/** @param file a path from the root. */
export function headerOf(root: string, file: string): Header {
  return readHeader(readFileSync(join(root, file), "utf8"));
}
