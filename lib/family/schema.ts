import { z } from "zod";
import { machineCommandNames } from "../system/machine-names.ts";
import { type BuilderPart, builderParts, containerfilePart, mostNames } from "./builder-parts.ts";
import {
  absolutePath,
  address,
  age,
  cpuFlag,
  cron,
  few,
  imageByDigest,
  imageName,
  karg,
  looks,
  name,
  packageName,
  pattern,
  projectFile,
  registryName,
  script,
  sysctl,
  tagName,
  title,
  unitName,
  userName,
} from "./shapes.ts";

/** The shape of family.yaml and of a flavor's YAML. What a shape cannot say is a rule: see rules.ts. */

/** OCI's names of processors that bootc images are made for. Source: the OCI image specification, config.md, which takes Go's. */
export const architectures = ["amd64", "arm64", "ppc64le", "riscv64", "s390x"] as const;

const noBase = "not a base";
looks.set(noBase, "an image reference, or {debian: SUITE}");
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

const shared = {
  title,
  from: name.optional(),
  arches: z.array(name).min(1).max(mostNames),
  bootc: z.boolean().optional(),
  displayManager: name.optional(),
  session: title.optional(),
};

/** How an image is put on a disk, and what must hold in it when it runs. */
const afterwards = { install: install.prefault({}), smoke: smoke.prefault({}) };

const shapeOf = (part: BuilderPart) =>
  z.strictObject({
    builder: z.enum([...builderParts.keys()]).default("containerfile"),
    ...shared,
    ...part,
    ...afterwards,
  });

const schemas = new Map<unknown, ReturnType<typeof shapeOf>>();

/** The shape of a flavor's YAML, by what its `builder:` says. A name that is unknown is a mistake of the usual shape. */
export function flavorSchema(builder: unknown = "containerfile"): ReturnType<typeof shapeOf> {
  const known = typeof builder === "string" && builderParts.has(builder) ? builder : "containerfile";
  const schema = schemas.get(known) ?? shapeOf(builderParts.get(known) ?? containerfilePart);
  schemas.set(known, schema);
  return schema;
}

/** What a flavor of another builder says of a Containerfile: nothing. */
const noPart = z.strictObject(containerfilePart).parse({});

export interface FlavorFile
  extends z.infer<z.ZodObject<typeof shared & typeof afterwards>>,
    z.infer<z.ZodObject<typeof containerfilePart>> {
  builder: string;
}

/** A file that has its schema's shape, as the rest of the program sees it. */
export const flavorFile = (data: z.infer<ReturnType<typeof shapeOf>>): FlavorFile =>
  ({ ...noPart, ...data }) as unknown as FlavorFile;

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
  /** the public transparency log that signatures are written to, by its public key; without it nothing is published of a signature */
  rekor: z.strictObject({ key: projectFile, url: address.optional() }).optional(),
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

export type FamilyFile = z.infer<typeof familySchema>;
