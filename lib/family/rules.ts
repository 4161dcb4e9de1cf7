import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { didYouMean } from "../cli/nearest.ts";
import { type Family, type Flavor, lineage } from "./family.ts";
import type { Mistake } from "./mistakes.ts";
import type { FlavorFile } from "./schema.ts";
import type { YamlFile } from "./yaml-file.ts";

/** A flavor's file beside what it says. */
export interface Source {
  name: string;
  yaml: YamlFile;
  data: FlavorFile;
}

/** What a rule may look at. */
export interface Checked {
  family: Family;
  sources: Map<string, Source>;
  /** family.yaml */
  top: YamlFile;
  /** All flavor names, those that could not be read too. */
  names: string[];
}

export type Rule = (c: Checked) => Mistake[];

/** Runs a rule on each flavor that could be read. */
function eachFlavor(check: (flavor: Flavor, source: Source, c: Checked) => Mistake[]): Rule {
  return (c) =>
    [...c.sources.values()].flatMap((source) => {
      const flavor = c.family.flavors.get(source.name);
      return flavor ? check(flavor, source, c) : [];
    });
}

/** The programs that show a login screen, by their unit. Exactly one may be enabled in an image. */
export const displayManagers = ["gdm", "sddm", "plasmalogin", "cosmic-greeter", "lightdm", "greetd", "lxdm", "ly"];

/** Kernel arguments that tie an image to one machine's disk, or that a running system must decide. */
const forbiddenKargs: [RegExp, string][] = [
  [/^(rd\.)?luks\b/, "LUKS belongs to the machine, not to the image"],
  [/^cryptdevice\b/, "LUKS belongs to the machine, not to the image"],
  [/tpm2/, "TPM2 unlocking belongs to the machine, not to the image"],
  [/zram/, "zswap and the swap file replace zram"],
  [/^(root|ostree)=/, "the boot loader entry names the root"],
];

const forbiddenPackages: [RegExp, string][] = [[/^zram-generator/, "zswap and the swap file replace zram"]];

/** Places of an overlay that an image must not carry. */
const forbiddenPlaces: [string, string][] = [
  ["opt/", "use usr/lib/opt, which opt.mount shows at /opt"],
  ["usr/etc/", "use etc"],
  ["var/swap", "the swap file is made at first boot"],
  ["var/", "use tmpfiles.d: /var of an image is not carried over to a machine"],
  ["boot/", "the kernel lives in usr/lib/modules"],
];

const defaultExists: Rule = ({ family, top, names }) => {
  const { arch, flavor } = family.default;
  const found: Mistake[] = [];
  if (!family.arches.has(arch))
    found.push(top.mistake(["default", "arch"], `unknown arch \`${arch}\`${didYouMean(arch, family.arches.keys())}`));
  if (!names.includes(flavor))
    found.push(top.mistake(["default", "flavor"], `unknown flavor \`${flavor}\`${didYouMean(flavor, names)}`));
  return found;
};

const archesExist = eachFlavor((flavor, { yaml }, { family }) =>
  flavor.arches.flatMap((name, i) => {
    const known = [...family.arches.keys()];
    if (!family.arches.has(name))
      return yaml.mistake(
        ["arches", i],
        `unknown arch \`${name}\`${didYouMean(name, known)}`,
        `one of ${known.join(", ")}`,
      );
    if (flavor.from && !flavor.from.arches.includes(name))
      return yaml.mistake(
        ["arches", i],
        `its base ${flavor.from.name} does not exist for ${name}`,
        `one of ${flavor.from.arches.join(", ")}`,
      );
    return [];
  }),
);

const recipeExists = eachFlavor((flavor, { yaml }, { family }) => {
  const folder = join(family.root, "containerfiles");
  if (existsSync(join(folder, `${flavor.recipe}.Containerfile`))) return [];
  const known = existsSync(folder)
    ? readdirSync(folder).flatMap((f) => (f.endsWith(".Containerfile") ? [f.slice(0, -".Containerfile".length)] : []))
    : [];
  return [
    yaml.mistake(
      ["recipe"],
      `there is no containerfiles/${flavor.recipe}.Containerfile${didYouMean(flavor.recipe, known)}`,
      `one of ${known.join(", ")}`,
    ),
  ];
});

const helpersExist = eachFlavor((flavor, { yaml }, { family }) =>
  (["run", "finish"] as const).flatMap((key) =>
    flavor[key].flatMap((name, i) =>
      existsSync(join(family.root, "containerfiles/helpers", name))
        ? []
        : yaml.mistake([key, i], `there is no containerfiles/helpers/${name}`),
    ),
  ),
);

const packagesOnce = eachFlavor((flavor, { yaml }) => {
  const seen = new Map<string, string>();
  for (const base of lineage(flavor).slice(1))
    for (const [group, { packages }] of Object.entries(base.groups))
      for (const name of packages) seen.set(name, `group ${group} of ${base.name}`);
  return Object.entries(flavor.groups).flatMap(([group, { packages }]) =>
    packages.flatMap((name, i) => {
      const before = seen.get(name);
      seen.set(name, before ?? `group ${group}`);
      const at = ["groups", group, "packages", i];
      return before ? yaml.mistake(at, `package \`${name}\` is there already: ${before}`, "each package once") : [];
    }),
  );
});

const packagesAllowed = eachFlavor((flavor, { yaml }) =>
  Object.entries(flavor.groups).flatMap(([group, { packages }]) =>
    packages.flatMap((name, i) =>
      forbiddenPackages
        .filter(([pattern]) => pattern.test(name))
        .map(([, why]) => yaml.mistake(["groups", group, "packages", i], `forbidden package \`${name}\``, why)),
    ),
  ),
);

const oneDisplayManager = eachFlavor((flavor, { yaml }) => {
  const found: Mistake[] = [];
  const mine = lineage(flavor).flatMap((f) => f.displayManager ?? []);
  if (mine.length > 1)
    found.push(yaml.mistake(["displayManager"], `two display managers: ${mine.join(" and ")}`, "exactly one a flavor"));
  for (const [i, unit] of flavor.units.enable.entries()) {
    const name = unit.replace(/\.service$/, "");
    if (displayManagers.includes(name) && name !== mine[0])
      found.push(
        yaml.mistake(
          ["units", "enable", i],
          `two display managers: ${unit} beside ${mine[0] ?? "none"}`,
          "displayManager names the only one",
        ),
      );
  }
  for (const [group, { packages }] of Object.entries(flavor.groups))
    for (const [i, name] of packages.entries())
      if (displayManagers.includes(name) && name !== mine[0])
        found.push(
          yaml.mistake(
            ["groups", group, "packages", i],
            `two display managers: package \`${name}\` beside ${mine[0] ?? "none"}`,
            "displayManager names the only one",
          ),
        );
  return found;
});

const kargsAllowed = eachFlavor((flavor, { yaml }) =>
  flavor.kargs.flatMap((karg, i) =>
    forbiddenKargs
      .filter(([pattern]) => pattern.test(karg))
      .map(([, why]) => yaml.mistake(["kargs", i], `forbidden kernel argument \`${karg}\``, why)),
  ),
);

/** Paths below a folder, folders end in a slash; links are not followed. */
export function walk(folder: string, below = ""): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below + entry.name;
    return entry.isDirectory() ? [`${path}/`, ...walk(folder, `${path}/`)] : [path];
  });
}

const overlayPlaces = eachFlavor((flavor, _source, { family }) => {
  const folder = `overlays/${flavor.name}`;
  return walk(join(family.root, folder)).flatMap((path) => {
    const place = path.endsWith("/") ? undefined : forbiddenPlaces.find(([p]) => path.startsWith(p));
    const file = `${folder}/${path}`;
    if (place) return [{ file, message: `an overlay file in a forbidden place: /${place[0]}`, expected: place[1] }];
    if (/(^|\/)zram-generator\.conf$/.test(path) && statSync(join(family.root, file)).size > 0)
      return [
        {
          file,
          message: "zram is not allowed: this file must be empty",
          expected: "zswap and the swap file replace zram",
        },
      ];
    return [];
  });
});

/** A home folder, a sudoers line or an owner by name would put one person into everybody's image. */
const userPatterns = [/\/home\/(?!linuxbrew\b)[a-z_][a-z0-9_-]*/];

const noUserNames = eachFlavor((flavor, _source, { family }) => {
  const folder = `overlays/${flavor.name}`;
  return walk(join(family.root, folder)).flatMap((path): Mistake[] => {
    const full = join(family.root, folder, path);
    if (path.endsWith("/") || !existsSync(full) || statSync(full).size > 1_000_000) return [];
    const lines = readFileSync(full, "utf8").split("\n");
    return lines.flatMap((text, i) => {
      const hit = userPatterns.map((p) => p.exec(text)).find(Boolean);
      if (!hit) return [];
      const at = { file: `${folder}/${path}`, line: i + 1, column: hit.index + 1, text };
      return [
        { ...at, message: `a user's home in an overlay: ${hit[0]}`, expected: "no user name in an image; $HOME or %h" },
      ];
    });
  });
});

const keyIsPublic: Rule = ({ family, top }) => {
  const path = join(family.root, family.key);
  if (!existsSync(path)) return [];
  if (readFileSync(path, "utf8").startsWith("-----BEGIN PUBLIC KEY-----")) return [];
  return [top.mistake(["key"], `${family.key} is not a public key`, "a PEM file that begins with BEGIN PUBLIC KEY")];
};

/** The rules of the field, checked at every run. A new rule is one row. */
export const rules: Rule[] = [
  defaultExists,
  archesExist,
  recipeExists,
  helpersExist,
  packagesOnce,
  packagesAllowed,
  oneDisplayManager,
  kargsAllowed,
  overlayPlaces,
  noUserNames,
  keyIsPublic,
];
