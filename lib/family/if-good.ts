import { Failure } from "../system/errors.ts";
import type { Family } from "./family.ts";
import { loadFamily } from "./manifest.ts";

/** The family, or undefined: for commands that have something to say even where the manifest has mistakes. */
export async function familyIfGood(): Promise<Family | undefined> {
  try {
    return await loadFamily();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
