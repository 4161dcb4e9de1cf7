import { workFolder } from "../system/work-folder.ts";

/** Runs work with a folder below `.slipway/run` that is gone afterwards, however it ends. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const { path, remove } = workFolder();
  try {
    return await work(path);
  } finally {
    remove();
  }
}
