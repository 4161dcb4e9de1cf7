import { commandLine } from "../../system/shell.ts";
import { podmanEnv } from "../../tools/podman.ts";
import { baseReference } from "../base-name.ts";
import type { Builder, DraftOf } from "../builder.ts";
import { containerfileChecks } from "./checks.ts";
import { buildImage, type ContainerfileDraft, shownCommand, writeContainerfile } from "./containerfile.ts";
import { ensureContext } from "./context.ts";
import { contextUse, firstUnknown } from "./context-use.ts";
import { refuseTooDeep } from "./depth.ts";
import { expand, expandLines, recipePath, refreshArg, textOf } from "./expand.ts";
import { givenArgs } from "./given-args.ts";
import { inputParts } from "./inputs.ts";
import { parseContainerfile } from "./instructions.ts";
import { lintContainerfile } from "./lint.ts";
import { withMounts } from "./mounts.ts";

/** Recipes of containerfiles/, expanded for the flavor and built by podman. */
export const containerfile: Builder<ContainerfileDraft> = {
  name: "containerfile",
  startsFromBase: true,
  prepare: (target, family, progress) => ensureContext(expand(target, family), family, progress),

  read(target, family) {
    const lines = expandLines(target, family);
    const given = givenArgs(textOf(lines), family);
    const file = parseContainerfile(lines);
    return ({ base, stamp }: DraftOf) => {
      const args = {
        ...(base && base.name !== baseReference(target, family) ? { BASE: base.name } : {}),
        ...given,
        ...(stamp ? { [refreshArg]: stamp } : {}),
      };
      const containerfile = textOf(withMounts(lines, family.root, args));
      return {
        ...{ containerfile, args, unknown: firstUnknown(contextUse(file, args), recipePath(target, family)) },
        parts: () => inputParts(family.root, containerfile, args),
      };
    };
  },

  async build(job, family, progress) {
    if (job.base) await refuseTooDeep(job.target, job.draft.containerfile, job.base.name);
    await buildImage(job, family, progress);
  },

  async commands(job, family) {
    writeContainerfile(job);
    return [commandLine(shownCommand(job, family), await podmanEnv())];
  },

  print: (target, family) => containerfile.read(target, family)({ base: undefined, stamp: "" }).containerfile,

  checks: containerfileChecks,
  lint: (target, family) => lintContainerfile(target, family),
};
