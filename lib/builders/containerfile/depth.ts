import type { Target } from "../../family/family.ts";
import { imageShape } from "../../oci/storage.ts";
import { exit, Failure } from "../../system/errors.ts";
import { commandLine } from "../../system/shell.ts";
import { podmanVersion } from "../../tools/podman.ts";
import type { BaseImage } from "../builder.ts";
import { imageStages, linesOf, parseContainerfile } from "./instructions.ts";

/**
 * How many layers podman can mount: 128 before 4.4 (measured with 4.3.1: on 128 layers a step runs, on 129 it is "max depth
 * exceeded"), then 500, which is what Linux allows. Source: containers/storage, drivers/overlay, and its pull request 1375.
 */
export function mostLayers(version: string): number {
  return Bun.semver.order(version, "4.4.0") < 0 ? 128 : 500;
}

const makesLayer = /^(RUN|COPY|ADD|WORKDIR)$/;

/** The layers that a Containerfile adds to its base, at most: WORKDIR adds one where the folder is new. */
export function addedLayers(containerfile: string): number {
  const file = parseContainerfile(linesOf(containerfile));
  const counts = file.stages.map((_, last) => {
    const chain = imageStages({ stages: file.stages.slice(0, last + 1) });
    return file.instructions.filter((at) => chain.includes(at.stage) && makesLayer.test(at.keyword)).length;
  });
  return Math.max(0, ...counts);
}

/** @throws Failure where the image would have too many layers. Pure. */
export function refuseDepth(target: Target, base: { name: string; layers: number }, added: number, version: string) {
  const most = mostLayers(version);
  if (base.layers + added <= most) return;
  const below = target.flavor.from;
  const fewer = Math.max(1, Math.min(64, most - added));
  const words = ["bun", "run", "rechunk", target.arch.name, below?.name ?? "", "--layers", String(fewer)];
  const newer = most === 128 ? "use podman 4.4 or later, which mounts 500 layers" : undefined;
  const rechunk = below ? `${commandLine(words)}, then run this again` : undefined;
  throw new Failure(exit.failed, `${target.reference} would have too many layers: podman ${version} mounts ${most}`, {
    tried: [`${base.name} has ${base.layers} layers`, `the recipe adds up to ${added}`],
    next: [rechunk, newer].filter(Boolean).join("; or ") || "join RUN lines, or use a base image with fewer layers",
  });
}

/** Looks before a build whether podman can mount what comes out. @throws Failure with the command that makes the base fit */
export async function refuseTooDeep(target: Target, containerfile: string, base: BaseImage): Promise<void> {
  const { layers } = await imageShape(base.image.id);
  const added = addedLayers(containerfile);
  if (layers + added > mostLayers("0.0.0"))
    refuseDepth(target, { name: base.name, layers }, added, await podmanVersion("podman"));
}
