import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a test file says of itself, in comments of its own near the top:
 *
 *     // needs: toolbox registry
 *     // reaches: push sign containerfiles/
 *
 *     // unshared: why
 *
 * `needs` names images that are made once for all tests (tests/support/needs.ts). `reaches` names what the file tests
 * without importing it: commands, files and folders. `./run test --changed` follows it. A file that is `unshared` does not see
 * the images that all tests share.
 */
export interface Header {
  needs: string[];
  reaches: string[];
  unshared: boolean;
}

export function readHeader(text: string): Header {
  const words = (name: string) =>
    [...text.matchAll(new RegExp(`^// ${name}: (.+)$`, "gm"))].flatMap(([, list = ""]) => list.trim().split(/\s+/));
  return { needs: words("needs"), reaches: words("reaches"), unshared: words("unshared").length > 0 };
}

/** @param file a path from the root. */
export function headerOf(root: string, file: string): Header {
  return readHeader(readFileSync(join(root, file), "utf8"));
}
