import { z } from "zod";
import {
  absolutePath,
  anyArgName,
  argName,
  contextFolder,
  few,
  helperName,
  karg,
  looks,
  mode,
  name,
  oneLine,
  packageName,
  projectFile,
  secretFile,
  secretId,
  stageName,
  sysctl,
  unitName,
} from "./shapes.ts";

/** The part of a flavor's YAML that its builder reads. What all builders share is in schema.ts. */

/** Arches, helpers, registries: more than anybody has, few enough to be listed in a message. */
export const mostNames = 64;
const mostGroups = 256;

export const intervals = ["daily", "weekly", "biweekly", "monthly", "quarterly", "yearly"] as const;
const interval = z.enum(intervals);
const group = z.strictObject({
  interval: interval.default("weekly"),
  /** old package → the one that takes its place; olds go one by one, news come together, before the others */
  replace: z.record(packageName, packageName).default({}),
  packages: z.array(packageName).min(1),
});

const units = z.strictObject({
  enable: z.array(unitName).default([]),
  disable: z.array(unitName).default([]),
  mask: z.array(unitName).default([]),
  "user-enable": z.array(unitName).default([]),
});

const noContainerfile = "not a Containerfile";
looks.set(noContainerfile, "a path such as Containerfile, or {file, context, target, args, secrets}");
const noSecret = "not a secret";
looks.set(noSecret, "{file: PATH} or {env: NAME}");

/** A Containerfile that the project had before it had flavors. Paths are from the project's root. */
const ownContainerfile = z.strictObject({
  file: projectFile,
  /** the folder that COPY and mounts read */
  context: contextFolder.default("."),
  /** the stage that is the image; without it the last one */
  target: stageName.optional(),
  args: few(z.record(anyArgName, oneLine), mostGroups).default({}),
  /** what `RUN --mount=type=secret,id=NAME` gets; what is in it stays out of the image, keys and logs */
  secrets: few(
    z.record(
      secretId,
      z.union([z.strictObject({ file: secretFile }), z.strictObject({ env: anyArgName })], { error: noSecret }),
    ),
    mostNames,
  ).default({}),
});

/** What a recipe, or a Containerfile of the project's own, is filled with. */
export const containerfilePart = {
  /** one of these two: a recipe of containerfiles/, or a Containerfile of the project's own */
  recipe: name.optional(),
  containerfile: z.union([projectFile, ownContainerfile], { error: noContainerfile }).optional(),
  args: few(z.record(argName, oneLine), mostGroups).default({}),
  aur: z
    .strictObject({
      interval: interval.default("weekly"),
      packages: z.array(packageName).min(1),
      /** a package that an upgrade cannot build: the build stops, or keeps the version that is installed */
      onFailure: z.enum(["fail", "keep"]).default("fail"),
    })
    .optional(),
  groups: few(z.record(name, group), mostGroups).default({}),
  run: z.array(helperName).max(mostNames).default([]),
  finish: z.array(helperName).max(mostNames).default([]),
  units: units.prefault({}),
  /** files of other flavors' overlays that this one has too */
  shared: few(z.record(name, z.array(absolutePath).min(1).max(mostGroups)), mostNames).default({}),
  kargs: z.array(karg).default([]),
  sysctl: sysctl.default({}),
  suid: z.array(absolutePath).default([]),
  modes: z.record(absolutePath, mode).default({}),
};

export type BuilderPart = Record<string, z.ZodType>;

/** By the name that `builder:` gives. A new builder is an entry here, and one in lib/builders/all.ts. */
export const builderParts = new Map<string, BuilderPart>([["containerfile", containerfilePart]]);
