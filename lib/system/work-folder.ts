import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { onInterrupt } from "./interrupt.ts";
import { ownFolder } from "./owner.ts";
import { removeAll } from "./remove.ts";

/** A folder of this process below `.slipway/run`, closed to others; `remove` takes it away, and so does an interruption. */
export function workFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(ownFolder(), "work-"));
  const gone = () => removeAll(path);
  const forget = onInterrupt(gone);
  const remove = () => {
    forget();
    gone();
  };
  return { path, remove };
}

/** Runs work with a folder below `.slipway/run` that is gone afterwards, however it ends. */
export async function withWorkFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const { path, remove } = workFolder();
  try {
    return await work(path);
  } finally {
    remove();
  }
}
