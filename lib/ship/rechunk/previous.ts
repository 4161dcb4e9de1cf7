import { existsSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../../cli/errors.ts";
import { say } from "../../cli/output.ts";
import { openLayout } from "../../image/layout.ts";
import { RegistryFailure } from "../../image/registry.ts";
import { type Image, openImage } from "../../image/source.ts";
import { decodeMemory, planAnnotation } from "./memory.ts";
import type { Memory } from "./plan.ts";

/** The plan to go on from, and where it was found. */
export interface Previous {
  memory: Memory | undefined;
  from: string;
}

function planOf(annotations: Record<string, string> | undefined): Memory | undefined {
  return decodeMemory(annotations?.[planAnnotation]);
}

/**
 * The plan of the image that machines have: the published one's. Where the registry has none, or does not answer, the one
 * that this machine wrote last, or that the image carries itself.
 * @param named what the user says instead: an image, or `none`.
 */
export async function findPrevious(
  image: Image,
  reference: string | undefined,
  folder: string,
  named: string | undefined,
  work: string,
): Promise<Previous> {
  if (named === "none") return { memory: undefined, from: "none: asked for" };
  if (named !== undefined) {
    const other = await openImage(named, { work: join(work, "previous") });
    const memory = planOf(other.manifest.annotations);
    if (memory) return { memory, from: named };
    throw new Failure(exit.failed, `${named} carries no plan`, { next: "--previous none  makes a new one" });
  }
  if (reference !== undefined) {
    try {
      const published = await openImage(`docker://${reference}`, { work: join(work, "previous"), attempts: 2 });
      const memory = planOf(published.manifest.annotations);
      if (memory) return { memory, from: `the published ${reference}` };
      say(`the published ${reference} carries no plan: this one will`);
    } catch (error) {
      if (!(error instanceof RegistryFailure)) throw error;
      if (!error.absent)
        say(`${reference}: the registry does not answer, so the plan that this machine knows is gone on from`);
    }
  }
  if (existsSync(join(folder, "index.json"))) {
    const memory = planOf(openLayout(folder).manifest.annotations);
    if (memory) return { memory, from: "the last one made here" };
  }
  const own = planOf(image.manifest.annotations);
  return own ? { memory: own, from: "the image itself" } : { memory: undefined, from: "none: this is the first" };
}
