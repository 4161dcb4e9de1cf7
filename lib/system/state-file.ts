import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { owner } from "./owner.ts";

/** Small files of the system's and of Slipway's own. */

/** The text of a file; "" where there is none or it may not be read. Bytes that are no UTF-8 stay as they are with `latin1`. */
export function textOf(path: string, encoding: "utf8" | "latin1" = "utf8"): string {
  try {
    return readFileSync(path, encoding);
  } catch {
    return "";
  }
}

/**
 * Writes a file in one step: another command never reads half of it. What a killed command leaves has its name, and the next one removes
 * it (owner.ts). @throws what writing throws
 */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.${owner}`;
  try {
    writeFileSync(partial, text);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** What a state file holds, to be checked by whoever asks; undefined without one, and for one that is not JSON. */
export function readState(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** @throws what writing throws */
export function writeState(path: string, value: unknown): void {
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
}
