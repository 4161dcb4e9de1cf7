import { z } from "zod";
import { machineCommandNames } from "../system/machine-names.ts";
import {
  absolutePath,
  address,
  age,
  anyArgName,
  argName,
  contextFolder,
  cpuFlag,
  cron,
  few,
  helperName,
  imageByDigest,
  imageName,
  karg,
  looks,
  mode,
  name,
  oneLine,
  packageName,
  pattern,
  projectFile,
  registryName,
  script,
  secretFile,
  secretId,
  stageName,
  sysctl,
  tagName,
  title,
  unitName,
  userName,
} from "./shapes.ts";

/** The shape of family.yaml and of a flavor's YAML. What a shape cannot say is a rule: see rules.ts. */

/** Arches, helpers, registries: more than anybody has, few enough to be listed in a message. */
const mostNames = 64;
const mostGroups = 256;

/** OCI's names of processors that bootc images are made for. Source: the OCI image specification, config.md, which takes Go's. */
export const architectures = ["amd64", "arm64", "ppc64le", "riscv64", "s390x"] as const;

export const intervals = ["daily", "weekly", "biweekly", "monthly", "quarterly", "yearly"] as const;
const interval = z.enum(intervals);
const noBase = "not a base";
looks.set(noBase, "an image reference, or {debian: SUITE}");
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

const smoke = z.strictObject({
  units: z.array(unitName).default([]),
  files: z.array(absolutePath).default([]),
  absent: z.array(absolutePath).default([]),
  packages: z.array(packageName).default([]),
  commands: z.array(z.strictObject({ run: script, output: pattern.optional() })).default([]),
  kargs: z.array(karg).default([]),
  sysctl: sysctl.default({}),
  mounts: z.array(absolutePath).default([]),
  users: z.array(userName).default([]),
});

/** How bootc puts an image on a disk. What a flavor leaves out is as in the flavor that it is based on. */
const install = z.strictObject({
  filesystem: z.enum(["ext4", "btrfs", "xfs"]).optional(),
  bootloader: z.enum(["grub", "systemd", "none"]).optional(),
  /** bootc's own backend instead of ostree's */
  composefs: z.boolean().optional(),
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

export const flavorSchema = z.strictObject({
  title,
  builder: z.enum(["containerfile"]).default("containerfile"),
  /** one of these two: a recipe of containerfiles/, or a Containerfile of the project's own */
  recipe: name.optional(),
  containerfile: z.union([projectFile, ownContainerfile], { error: noContainerfile }).optional(),
  from: name.optional(),
  arches: z.array(name).min(1).max(mostNames),
  bootc: z.boolean().optional(),
  displayManager: name.optional(),
  session: title.optional(),
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
  install: install.prefault({}),
  smoke: smoke.prefault({}),
});

/** What the family calls its things on its machines; defaults: `namesOf`. */
const machine = z.strictObject({
  folder: name.optional(),
  commands: z.partialRecord(z.enum(machineCommandNames), z.array(name).min(1).max(mostNames)).optional(),
  flatpaks: z.strictObject({ list: absolutePath.optional(), upstream: address.optional() }).optional(),
  account: z
    .strictObject({ shell: absolutePath.optional(), groups: z.array(name).max(mostNames).optional() })
    .optional(),
});

export const familySchema = z.strictObject({
  name,
  title,
  /** the repository of the project; where people read more, and who publishes the images: else the repository, and the title */
  source: address.optional(),
  url: address.optional(),
  documentation: address.optional(),
  vendor: title.optional(),
  registry: registryName,
  prefix: name,
  key: projectFile,
  /** registries that the images' policy leaves open, beside the family's own namespace; else the usual ones */
  openRegistries: z.array(registryName).max(mostNames).optional(),
  default: z.strictObject({ arch: name, flavor: name }),
  machine: machine.optional(),
  refreshAfter: age.default("2d"),
  /** machines refuse an image whose packages are older: it is written into the images */
  staleAfter: age.default("4w"),
  arches: few(
    z.record(
      name,
      z.strictObject({
        title: title.optional(),
        /** what recipes start from */
        base: z.union([imageName, z.strictObject({ debian: name })], { error: noBase }).optional(),
        architecture: z.enum(architectures).optional(),
        needs: z.array(cpuFlag).default([]),
        repos: z.array(name).default([]),
        runner: z.array(title).min(1).default(["ubuntu-latest"]),
        /** when CI builds it: one of the times in the workflow, which starts at each of them; else at every one */
        schedule: cron.optional(),
        /** tags that its images get beside the arch's name, and that machines may follow: each for one arch */
        tags: z.array(tagName).max(mostNames).optional(),
      }),
    ),
    mostNames,
  ),
  rechunk: z
    .strictObject({
      layers: z.int().min(2).max(500).default(128),
      // v0.6.0; only a digest, because podman 4.3 takes no tag beside it
      chunkah: imageByDigest.default(
        "quay.io/coreos/chunkah@sha256:ff8b8b466a942ec6000445d4001fc661e2fc5a952ad9ee29b4de9ab09d1d1708",
      ),
      prune: z.array(absolutePath).default([]),
    })
    .prefault({}),
  push: z
    .strictObject({
      /** without it: one frame of zstd a layer for what bootc installs, zstd:chunked for the rest */
      compression: z.enum(["zstd:chunked", "zstd", "gzip"]).optional(),
      level: z.int().min(1).max(22).default(3),
    })
    .prefault({}),
});

export type FlavorFile = z.infer<typeof flavorSchema>;
export type FamilyFile = z.infer<typeof familySchema>;
