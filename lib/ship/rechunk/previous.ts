import { existsSync } from "node:fs";
import { join } from "node:path";
import { openLayout } from "../../oci/layout.ts";
import { RegistryFailure } from "../../oci/registry.ts";
import { SettingsFailure } from "../../oci/settings-failure.ts";
import { type Image, openImage } from "../../oci/source.ts";
import { exit, Failure } from "../../system/errors.ts";
import { say, warn } from "../../system/output.ts";
import type { Memory } from "./plan.ts";
import { decodeMemory, planAnnotation } from "./plan-annotation.ts";

/** The plan to go on from, and where it was found. */
export interface Previous {
  memory: Memory | undefined;
  from: string;
}

/** The plan of an image. A bad one is ignored with a warning: it must not block a release. */
function planOf(name: string, annotations: Record<string, string> | undefined): Memory | undefined {
  return decodeMemory(annotations?.[planAnnotation], (why) =>
    warn(`warning: ignored the plan of ${name}, which is not valid: ${why}`),
  );
}

/**
 * Warns about a registry's answer without an image.
 * @throws Failure for what the user can correct: a new plan would have every machine fetch all of the image again
 */
function complain(reference: string, error: Failure): void {
  const fix = error instanceof RegistryFailure ? error.fix : error.details.next;
  if (fix !== undefined && (error instanceof RegistryFailure || error instanceof SettingsFailure))
    throw new Failure(error.code, `the plan of the published ${reference} could not be read`, {
      tried: [error.message, ...(error.details.tried ?? [])],
      // whole, as release says it too, and has no such option
      next: `${fix}; or make a new plan with bun run rechunk ARCH FLAVOR --previous none: then machines fetch all of the image again`,
    });
  if (error instanceof RegistryFailure && error.status === 404) return;
  if (error instanceof RegistryFailure && error.absent) {
    warn(`warning: the registry has no ${reference}, or shows it only after podman login, to who may read it`);
    return;
  }
  const reason = error.details.tried?.at(-1);
  warn(`warning: the published ${reference} could not be read, so the last plan of this machine is used`);
  warn(`  ${error.message}${reason ? `: ${reason}` : ""}`);
}

/**
 * The plan of the image that machines have: the published one's. If the registry has no valid plan or does not answer, it is
 * the one that this machine wrote last, or the image's own.
 * @param named what the user says instead: an image, or `none`.
 * @throws Failure where a setting of this machine keeps the registry's image away, or the registry refuses its login
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
    const memory = planOf(named, other.manifest.annotations);
    if (memory) return { memory, from: named };
    throw new Failure(exit.failed, `${named} has no valid plan`, {
      next: "--previous none  makes a new one",
    });
  }
  if (reference !== undefined) {
    try {
      const published = await openImage(`docker://${reference}`, {
        work: join(work, "previous"),
        registry: { attempts: 2 },
      });
      const memory = planOf(`the published ${reference}`, published.manifest.annotations);
      if (memory) return { memory, from: `the published ${reference}` };
      if (published.manifest.annotations?.[planAnnotation] === undefined)
        say(`the published ${reference} has no plan; this image gets one`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      complain(reference, error);
    }
  }
  if (existsSync(join(folder, "index.json"))) {
    const memory = planOf(folder, openLayout(folder).manifest.annotations);
    if (memory) return { memory, from: "the last one made here" };
  }
  const own = planOf("the image itself", image.manifest.annotations);
  return own ? { memory: own, from: "the image itself" } : { memory: undefined, from: "none: this is the first" };
}
