import { recipeFile } from "../../family/recipe.ts";
import { commandLine } from "../../system/shell.ts";
import { readPins } from "../../tools/pins.ts";
import { podmanEnv } from "../../tools/podman.ts";
import { baseImageName } from "../base-name.ts";
import type { Builder, DraftOf } from "../builder.ts";
import { containerfileChecks } from "./checks.ts";
import { buildImage, type ContainerfileDraft, shownCommand, writeContainerfile } from "./containerfile.ts";
import { ensureContext } from "./context.ts";
import { filesAt } from "./context-files.ts";
import { contextFolder, ignoreFile } from "./context-folder.ts";
import { contextUse, firstUnknown } from "./context-use.ts";
import { refuseTooDeep } from "./depth.ts";
import { expandLines, refreshArg, textOf } from "./expand.ts";
import { givenArgs } from "./given-args.ts";
import { inputParts } from "./inputs.ts";
import { parseContainerfile } from "./instructions.ts";
import { lintContainerfile } from "./lint.ts";
import { withMounts } from "./mounts.ts";
import { firstUnknownImage } from "./outside.ts";
import { baseArg, ownArgs, readOutside, refuseOwn, withRefresh } from "./own.ts";

/** Recipes of containerfiles/ and Containerfiles of the project's own, expanded for the flavor and built by podman. */
export const containerfile: Builder<ContainerfileDraft> = {
  name: "containerfile",
  prepare: ensureContext,

  outside(target, family) {
    const { flavor, arch } = target;
    if (!flavor.containerfile) return { base: arch.base, others: [], pins: readPins(family.root) };
    const { base, others } = readOutside(target, family);
    if (base === undefined) return { base, others, renewed: true };
    // an arch's Debian can be made from packages
    const isOfArch = arch.base && base === baseImageName(arch.base);
    return { base: isOfArch ? arch.base : { image: base }, others, renewed: true };
  },

  read(target, family) {
    const lines = expandLines(target, family);
    const file = parseContainerfile(lines);
    refuseOwn(target, file, family);
    const given = { ...ownArgs(target, file, family), ...givenArgs(textOf(lines), family) };
    const context = contextFolder(target, family);
    const name = recipeFile(family.root, target.flavor);
    const unknownImage = target.flavor.containerfile && firstUnknownImage(readOutside(target, family), name);
    return ({ base, stamp, others }: DraftOf) => {
      const args = { ...baseArg(target, file, family, base), ...given, ...(stamp ? { [refreshArg]: stamp } : {}) };
      const containerfile = textOf(withMounts(withRefresh(lines, target, file, stamp), context, args));
      return {
        ...{ containerfile, args, unknown: unknownImage ?? firstUnknown(contextUse(file, args), name) },
        *parts() {
          if (others.length) yield JSON.stringify(others);
          const ignored = ignoreFile(target, family);
          if (ignored !== undefined) yield* filesAt(family.root, ignored);
          yield* inputParts(context, containerfile, args);
        },
      };
    };
  },

  async build(job, family, progress) {
    if (job.base) await refuseTooDeep(job.target, job.draft.containerfile, job.base);
    await buildImage(job, family, progress);
  },

  async commands(job, family) {
    writeContainerfile(job);
    return [commandLine(shownCommand(job, family), await podmanEnv())];
  },

  print: (target, family) =>
    containerfile.read(target, family)({ base: undefined, stamp: "", others: [] }).containerfile,

  checks: containerfileChecks,
  lint: (target, family) => lintContainerfile(target, family),
};
