import { z } from "zod";

/** The shape of family.yaml and of a flavor's YAML. What a shape cannot say is a rule: see rules.ts. */

/** What a word of each kind looks like, by the message about one that does not. */
export const looks = new Map<string, string>();

function word(what: string, look: string, pattern: RegExp) {
  const error = `not ${what}`;
  looks.set(error, look);
  return z.string().regex(pattern, { error });
}

export const flavorName = /^[a-z0-9][a-z0-9-]*$/;
const name = word("a name", "small letters, digits and dashes", flavorName);
const packageName = word("a package name", "letters, digits and @ . _ + -", /^[a-z0-9@_][a-zA-Z0-9@._+-]*$/);
const unitName = word(
  "a unit name",
  "a name with its type, such as sshd.service",
  /^[\w@.:\\-]+\.(service|socket|timer|mount|automount|target|path|swap|slice)$/,
);
const absolutePath = word("an absolute path", "a path from /, without spaces", /^\/[^\s"'`$\\;&|<>()]*$/);
const helperName = word("a helper's name", "a file of containerfiles/helpers", /^[a-z][a-z0-9-]*$/);
const karg = word("a kernel argument", "name or name=value, without spaces", /^[\w.-]+(=\S+)?$/);
const argName = word("a build argument", "capital letters, digits and _", /^[A-Z][A-Z0-9_]*$/);
const imageName = word(
  "an image reference",
  "such as docker.io/library/debian:trixie, or {debian: SUITE}",
  /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/,
);
const registryName = word(
  "a registry",
  "a host, or a host and a namespace: ghcr.io/guara92",
  /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/,
);
const age = word("an age", "such as 12h, 2d or 1w", /^\d+[hdw]$/);

export const intervals = ["daily", "weekly", "biweekly", "monthly", "quarterly", "yearly"] as const;
const interval = z.enum(intervals);
const oneLine = word("one line", "a value without line breaks", /^[^\n\r]*$/);
const noSetting = "not a setting";
looks.set(noSetting, "a string or a number");
const setting = z.union([oneLine, z.number()], { error: noSetting });
const sysctl = z.record(word("a sysctl key", "such as vm.swappiness", /^[a-z0-9_]+(\.[\w-]+)+$/), setting);
const noBase = "not a base";
looks.set(noBase, "an image reference, or {debian: SUITE}");
const noAddress = "not an address";
looks.set(noAddress, "such as https://github.com/name/project");

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
  commands: z.array(z.strictObject({ run: z.string(), output: z.string().optional() })).default([]),
  kargs: z.array(karg).default([]),
  sysctl: sysctl.default({}),
  mounts: z.array(absolutePath).default([]),
  users: z.array(z.string()).default([]),
});

/** How bootc puts an image on a disk. */
const install = z.strictObject({
  filesystem: z.enum(["ext4", "btrfs", "xfs"]).optional(),
  bootloader: z.enum(["grub", "systemd", "none"]).optional(),
  /** bootc's own backend instead of ostree's */
  composefs: z.boolean().default(false),
});

export const flavorSchema = z.strictObject({
  title: z.string().min(1),
  builder: z.enum(["containerfile"]).default("containerfile"),
  recipe: name,
  from: name.optional(),
  arches: z.array(name).min(1),
  bootc: z.boolean().optional(),
  displayManager: name.optional(),
  session: z.string().optional(),
  args: z.record(argName, oneLine).default({}),
  aur: z.strictObject({ interval: interval.default("weekly"), packages: z.array(packageName).min(1) }).optional(),
  groups: z.record(name, group).default({}),
  run: z.array(helperName).default([]),
  finish: z.array(helperName).default([]),
  units: units.prefault({}),
  kargs: z.array(karg).default([]),
  sysctl: sysctl.default({}),
  suid: z.array(absolutePath).default([]),
  modes: z
    .record(absolutePath, word("a mode", 'four octal digits in quotes, such as "0750"', /^[0-7]{4}$/))
    .default({}),
  install: install.prefault({}),
  smoke: smoke.prefault({}),
});

export const familySchema = z.strictObject({
  name,
  title: z.string().min(1),
  source: z.url({ error: noAddress }).optional(),
  registry: registryName,
  prefix: name,
  key: z.string().min(1),
  /** registries that the images' policy leaves open, beside the family's own namespace */
  openRegistries: z.array(registryName).default([]),
  default: z.strictObject({ arch: name, flavor: name }),
  refreshAfter: age.default("2d"),
  /** machines refuse an image whose packages are older: it is written into the images */
  staleAfter: age.default("4w"),
  arches: z.record(
    name,
    z.strictObject({
      title: z.string().optional(),
      base: z.union([imageName, z.strictObject({ debian: name })], { error: noBase }),
      needs: z.array(word("a CPU flag", "as in /proc/cpuinfo, such as avx2", /^[a-z0-9_]+$/)).default([]),
      repos: z.array(name).default([]),
      runner: z.array(z.string()).min(1).default(["ubuntu-latest"]),
    }),
  ),
  rechunk: z
    .strictObject({
      layers: z.int().min(2).max(500).default(128),
      // v0.6.0; only a digest, because podman 4.3 takes no tag beside it
      chunkah: z
        .string()
        .regex(
          /^[a-z0-9][^\s@]*@sha256:[0-9a-f]{64}$/,
          "an image by its digest, such as quay.io/coreos/chunkah@sha256:…",
        )
        .default("quay.io/coreos/chunkah@sha256:ff8b8b466a942ec6000445d4001fc661e2fc5a952ad9ee29b4de9ab09d1d1708"),
      prune: z.array(absolutePath).default([]),
    })
    .prefault({}),
  push: z
    .strictObject({
      compression: z.enum(["zstd:chunked", "zstd", "gzip"]).default("zstd:chunked"),
      level: z.int().min(1).max(22).default(3),
    })
    .prefault({}),
});

export type FlavorFile = z.infer<typeof flavorSchema>;
export type FamilyFile = z.infer<typeof familySchema>;
