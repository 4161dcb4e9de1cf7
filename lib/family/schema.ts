import { z } from "zod";

/** The shape of family.yaml and of a flavor's YAML. What a shape cannot say is a rule: see rules.ts. */

const word = (what: string, pattern: RegExp) => z.string().regex(pattern, { error: `not a ${what}` });

const name = word("name (small letters, digits, dashes)", /^[a-z0-9][a-z0-9-]*$/);
const packageName = word("package name", /^[a-z0-9@_][a-zA-Z0-9@._+-]*$/);
const unitName = word(
  "unit name (with its type, such as sshd.service)",
  /^[\w@.:\\-]+\.(service|socket|timer|mount|target|path|swap|slice)$/,
);
const absolutePath = word("absolute path", /^\/\S*$/);
const helperName = word("helper in containerfiles/helpers", /^[a-z][a-z0-9-]*$/);
const karg = word("kernel argument", /^[\w.-]+(=\S+)?$/);
const argName = word("build argument (capital letters, digits, _)", /^[A-Z][A-Z0-9_]*$/);
const imageName = word("image reference", /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/);
const age = word("age (such as 12h, 2d or 1w)", /^\d+[hdw]$/);

export const intervals = ["daily", "weekly", "biweekly", "monthly", "quarterly", "yearly"] as const;
const interval = z.enum(intervals);
const scalar = z.union([z.string(), z.number()]);

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
  sysctl: z.record(z.string(), scalar).default({}),
  mounts: z.array(absolutePath).default([]),
  users: z.array(z.string()).default([]),
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
  args: z.record(argName, z.string()).default({}),
  aur: z.strictObject({ interval: interval.default("weekly"), packages: z.array(packageName).min(1) }).optional(),
  groups: z.record(name, group).default({}),
  run: z.array(helperName).default([]),
  finish: z.array(helperName).default([]),
  units: units.prefault({}),
  kargs: z.array(karg).default([]),
  sysctl: z.record(word("sysctl key", /^[a-z0-9_]+(\.[\w-]+)+$/), scalar).default({}),
  suid: z.array(absolutePath).default([]),
  modes: z.record(absolutePath, word("mode (four octal digits, quoted)", /^[0-7]{4}$/)).default({}),
  smoke: smoke.prefault({}),
});

export const familySchema = z.strictObject({
  name,
  title: z.string().min(1),
  source: z.url().optional(),
  registry: word("registry namespace", /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/),
  prefix: name,
  key: z.string().min(1),
  /** registries that the images' policy leaves open, beside the family's own namespace */
  openRegistries: z.array(word("registry", /^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)*$/)).default([]),
  default: z.strictObject({ arch: name, flavor: name }),
  refreshAfter: age.default("2d"),
  arches: z.record(
    name,
    z.strictObject({
      title: z.string().optional(),
      base: z.union([imageName, z.strictObject({ debian: name })], {
        error: "not a base: an image reference, or {debian: SUITE}",
      }),
      needs: z.array(word("CPU flag", /^[a-z0-9_]+$/)).default([]),
      repos: z.array(name).default([]),
      runner: z.array(z.string()).min(1).default(["ubuntu-latest"]),
    }),
  ),
  rechunk: z
    .strictObject({
      layers: z.int().min(2).max(500).default(128),
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
