import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { commands } from "../../cli/commands.ts";
import { type Family, type Flavor, lineage, type Target } from "../../family/family.ts";
import { recipeText } from "../../family/recipe.ts";
import { hasOwnHelpers, lacksHelpers } from "../../family/recipe-files.ts";
import { exit, Failure } from "../../system/errors.ts";
import { didYouMean } from "../../system/nearest.ts";
import { quote } from "../../system/shell.ts";
import { type Pin, pinned, readPins } from "../../tools/pins.ts";
import { keyPath, policyJson, registriesYaml } from "../../trust/policy.ts";
import { baseReference } from "../base-name.ts";
import { type ExpandedLine, untilStage } from "./instructions.ts";

/**
 * Turns a recipe into the Containerfile of one target: each marker comment `# @name` becomes the lines that the
 * flavor asks for there, and vanishes where the flavor has nothing to say. All else stays as it is.
 */

const helper = "/usr/libexec/slipway";

/** Changed by a refresh; what comes before its ARG stays in the cache. */
export const refreshArg = "SLIPWAY_REFRESH";

/** A copy of the helpers that Slipway brings, for a project that does not have them: from the project's root. */
export const helpersPath = ".slipway/context/helpers";

/** The program of people's machines: where it is made, from the project's root, and where it lies in an image. */
export const guaraPath = ".slipway/context/guara";
const guaraPlace = "/usr/libexec/guaraos/guara";
const guaraLink = "../libexec/guaraos/guara";
const installedNames = commands.flatMap((command) => command.installed ?? []);

type Marker = (target: Target, family: Family) => string[];

/** A command over several lines, one word of `rest` a line. */
function long(first: string, rest: string[]): string[] {
  return [first, ...rest].map((line, i) => (i ? `    ${line}` : line) + (i < rest.length ? " \\" : ""));
}

/** Commands as one RUN, because each RUN costs a container and a commit: each command is its first line and its further words. */
function oneRun(commands: { first: string; rest?: string[] }[]): string[] {
  const lines = commands.flatMap(({ first, rest = [] }, i) => [
    `${i ? "  && " : "RUN "}${first}`,
    ...rest.map((word) => `    ${word}`),
  ]);
  return lines.map((line, i) => (i < lines.length - 1 ? `${line} \\` : line));
}

/** Packages in lines of a readable width, so that a change shows as a change of a line or two. */
function wrapped(words: string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 110) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function groupLine(
  name: string,
  group: { interval: string; packages: string[] },
  flags: string[],
  mount = "",
): string[] {
  return long(
    [`RUN ${mount}${helper}/group ${name} ${group.interval}`, ...flags, "--"].join(" "),
    wrapped(group.packages),
  );
}

/** A generated file and the lines in it. */
interface GeneratedFile {
  path: string;
  lines: string[];
}

/** Files that follow from the manifest: kernel arguments, sysctls, unit presets, trust. */
export function generatedFiles({ flavor }: Target, family: Family): GeneratedFile[] {
  const { prefix } = family;
  const root = !flavor.from;
  const files: GeneratedFile[] = [];
  const kargsName = root ? `90-${prefix}-optimizations` : `90-${prefix}-${flavor.name}`;
  if (flavor.kargs.length)
    files.push({
      path: `/usr/lib/bootc/kargs.d/${kargsName}.toml`,
      lines: ["kargs = [", ...flavor.kargs.map((k) => `  ${JSON.stringify(k)},`), "]"],
    });
  const sysctls = Object.entries(flavor.sysctl).map(([key, value]) => `${key} = ${value}`);
  if (sysctls.length) files.push({ path: `/usr/lib/sysctl.d/90-${prefix}-${flavor.name}.conf`, lines: sysctls });
  const { enable, disable } = flavor.units;
  if (enable.length || disable.length)
    files.push({
      path: `/usr/lib/systemd/system-preset/10-${prefix}-${flavor.name}.preset`,
      lines: [...enable.map((u) => `enable ${u}`), ...disable.map((u) => `disable ${u}`)],
    });
  if (root) {
    files.push({ path: "/etc/containers/policy.json", lines: JSON.stringify(policyJson(family), null, 1).split("\n") });
    files.push({ path: `/etc/containers/registries.d/${prefix}.yaml`, lines: registriesYaml(family) });
  }
  return files;
}

const existing = (paths: string[], action: string) =>
  `for f in ${paths.map(quote).join(" ")}; do if [ -e "$f" ]; then ${action} "$f"; fi; done`;

/** The commits that `aur-build` takes; nothing if neither the flavor nor one below it has a package from the AUR. */
function aurPins({ flavor }: Target, { root }: Family): string[] {
  if (!lineage(flavor).some(({ aur }) => aur)) return [];
  const pins = (readPins(root) ?? []).filter(({ kind, pin }) => kind === "aur" && pin);
  const words = pins.map(({ address, pin }) => `${address.slice("aur:".length)}=${pin}`);
  return words.length ? [`ARG AUR_PINS="${words.join(" ")}"`] : [];
}

/** What an upgrade does when a package of the AUR cannot be built, as the nearest flavor with such packages says. */
function aurFailure({ flavor }: Target): string[] {
  const nearest = lineage(flavor).find(({ aur }) => aur);
  return nearest?.aur?.onFailure === "keep" ? ["ARG AUR_ON_FAILURE=keep"] : [];
}

/** Files of other overlays, one COPY for each folder. */
function sharedFiles({ shared }: Flavor): string[] {
  return Object.entries(shared).flatMap(([name, places]) =>
    [...Map.groupBy(places, posix.dirname)].map(([folder, files]) => {
      const sources = files.map((place) => `overlays/${name}${place}`);
      return `COPY ${sources.join(" ")} ${posix.join("/overlay", folder)}/`;
    }),
  );
}

/** What each marker becomes. */
export const markers: Record<string, Marker> = {
  base: (t, family) => [`ARG BASE=${baseReference(t, family) ?? ""}`],
  helpers: (_, { root }) => [
    ...(lacksHelpers(root) ? [`COPY ${helpersPath}/ /slipway/`] : []),
    ...(hasOwnHelpers(root) ? ["COPY containerfiles/helpers/ /slipway/"] : []),
  ],
  repos: ({ arch }) => [[`RUN ${helper}/arch-setup`, ...arch.repos].join(" ")],
  overlay: ({ flavor }, { root }) => [
    existsSync(join(root, "overlays", flavor.name))
      ? `COPY overlays/${flavor.name}/ /overlay/`
      : "RUN mkdir -p /overlay",
    ...sharedFiles(flavor),
  ],
  aur: (t, family) => [
    ...aurPins(t, family),
    ...(t.flavor.aur?.packages ?? []).map((name) => `RUN ${helper}/aur-build ${name}`),
  ],
  "aur-group": ({ flavor }) =>
    flavor.aur
      ? groupLine("aur", flavor.aur, ["--files /run/aur"], "--mount=type=bind,from=aur,source=/aur,target=/run/aur ")
      : [],
  groups: ({ flavor }) =>
    Object.entries(flavor.groups).flatMap(([name, group]) =>
      groupLine(
        name,
        group,
        Object.entries(group.replace).map(([old, now]) => `--replace ${old}=${now}`),
      ),
    ),
  run: ({ flavor }) => [
    ...Object.entries(flavor.args).map(([name, value]) => `ARG ${name}=${quote(value)}`),
    ...flavor.run.map((name) => `RUN ${helper}/${name}`),
  ],
  upgrade: (t, family) => [...aurPins(t, family), ...aurFailure(t), `ARG ${refreshArg}=`, `RUN ${helper}/upgrade`],
  files: (t, family) => [
    ...oneRun(
      generatedFiles(t, family).map(({ path, lines }) => ({
        first: `${helper}/write ${path}`,
        rest: lines.map(singleQuoted),
      })),
    ),
    ...(t.flavor.from ? [] : [`COPY ${family.key} ${keyPath(family)}`]),
  ],
  units: ({ flavor: { units } }) => {
    const parts = [
      ["systemctl enable", units.enable],
      ["systemctl disable", units.disable],
      ["systemctl mask", units.mask],
      ["systemctl --global enable", units["user-enable"]],
    ] as const;
    const given = parts.filter(([, names]) => names.length > 0);
    return oneRun(given.map(([verb, names]) => ({ first: verb, rest: wrapped(names.map(quote)) })));
  },
  modes: ({ flavor }) =>
    oneRun([
      ...(flavor.suid.length ? [{ first: existing(flavor.suid, "chmod u+s") }] : []),
      ...Object.entries(flavor.modes).map(([path, mode]) => ({ first: `chmod ${mode} ${quote(path)}` })),
    ]),
  guara: ({ flavor }) =>
    flavor.from
      ? []
      : [
          `COPY ${guaraPath} ${guaraPlace}`,
          `RUN for name in ${installedNames.join(" ")}; do ln -sf ${guaraLink} "/usr/bin/$name"; done`,
        ],
  finish: ({ flavor }) => flavor.finish.map((name) => `RUN ${helper}/${name}`),
};

/** Always in quotes: these are the lines of a file, and look like them. */
function singleQuoted(line: string): string {
  return `'${line.replaceAll("'", "'\\''")}'`;
}

/** An address that is the default of an ARG gets its pin. */
function withPin(text: string, pins: Pin[] | undefined): string {
  return text.replace(/^(ARG \w+=)(\S+)$/, (_, arg: string, address: string) => arg + pinned(address, pins));
}

/**
 * The recipe's lines, markers filled in, addresses pinned. A Containerfile of the project's own stays as it is but for markers: what
 * looks like one and is none is a comment there.
 * @throws Failure (usage) for a marker that does not exist, or a bad pin, at its file and line.
 */
export function expandLines(target: Target, family: Family): ExpandedLine[] {
  const own = target.flavor.containerfile;
  const recipe = recipeText(family.root, target.flavor);
  const { file } = recipe;
  if ("wrong" in recipe)
    throw new Failure(exit.usage, `${file}:1:1: ${recipe.wrong}`, { next: "put a regular file in its place" });
  const pins = own ? undefined : readPins(family.root);
  const expanded = recipe.text.split("\n").flatMap((text, i) => {
    const line = i + 1;
    const name = /^# @([\w-]+)$/.exec(text)?.[1];
    const marker = name !== undefined && Object.hasOwn(markers, name) ? markers[name] : undefined;
    if (name === undefined || (own && !marker)) return [{ text: withPin(text, pins), line }];
    if (!marker)
      throw new Failure(
        exit.usage,
        `${file}:${line}:1: unknown marker @${name}${didYouMean(name, Object.keys(markers))}`,
        {
          tried: [`the markers: ${Object.keys(markers).join(" ")}`],
        },
      );
    return marker(target, family).map((filled) => ({ text: withPin(filled, pins), line }));
  });
  return own?.target === undefined ? expanded : untilStage(expanded, own.target, file);
}

export const textOf = (lines: ExpandedLine[]) => lines.map(({ text }) => text).join("\n");

/** A recipe with its markers filled in. */
export function expand(target: Target, family: Family): string {
  return textOf(expandLines(target, family));
}
