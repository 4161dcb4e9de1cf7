import { stringify } from "yaml";
import { type Base, type Flavor, lineage } from "./family.ts";

/** What a new flavor begins with, so that it builds at once: packages that its recipe's repositories surely have. */

type Groups = Record<string, { interval: string; packages: string[] }>;

interface Starter {
  /** What a flavor of this recipe needs when it is based on no other; absent: the recipe is no ground for that. */
  alone?: Groups;
  /** Its images boot by bootc: the bases that it starts from do. */
  bootc?: boolean;
  /** Packages of the display managers whose unit is called like themselves. */
  displayManagers: Record<string, string[]>;
}

const archDisplayManagers = {
  gdm: ["gdm"],
  sddm: ["sddm"],
  plasmalogin: ["plasma-login-manager"],
  "cosmic-greeter": ["cosmic-greeter"],
  lightdm: ["lightdm", "lightdm-gtk-greeter"],
  greetd: ["greetd"],
};

const starters: Record<string, Starter> = {
  arch: { displayManagers: archDisplayManagers },
  desktop: { displayManagers: archDisplayManagers },
  fedora: {
    // with attr files are tagged; all else that a system needs is in the base
    alone: { system: { interval: "weekly", packages: ["attr"] } },
    bootc: true,
    displayManagers: {
      gdm: ["gdm"],
      sddm: ["sddm"],
      "cosmic-greeter": ["cosmic-greeter"],
      lightdm: ["lightdm", "lightdm-gtk"],
      greetd: ["greetd"],
    },
  },
  debian: {
    alone: {
      system: {
        interval: "weekly",
        packages: [
          ...["attr", "systemd", "systemd-sysv", "libpam-systemd", "udev", "kmod", "dbus", "login", "passwd", "mount"],
          ...["procps", "tzdata", "ca-certificates", "iproute2", "btrfs-progs", "e2fsprogs"],
        ],
      },
      kernel: {
        interval: "weekly",
        packages: ["linux-image-cloud-amd64", "initramfs-tools", "zstd", "systemd-boot-efi"],
      },
    },
    displayManagers: {
      sddm: ["sddm"],
      lightdm: ["lightdm", "lightdm-gtk-greeter"],
      greetd: ["greetd"],
    },
  },
};

/** Images that a recipe surely starts from, by words of their names. What names no distribution is taken for an Arch. */
const fedoras = /(^|[/.-])(fedora|centos|rhel|almalinux|rocky|ublue-os)/;

/** The recipe that an arch's base is made for, as far as its name says. */
export function recipeOfBase(base: Base): string {
  if ("debian" in base) return "debian";
  return fedoras.test(base.image) ? "fedora" : "arch";
}

/** Small, useful, and of the same name everywhere. */
const examples = ["tree", "tmux", "ncdu", "mc"];

/** Whether a flavor of this recipe can be based on no other. */
export function standsAlone(recipe: string): boolean {
  return !starters[recipe] || starters[recipe].alone !== undefined;
}

export interface Beginning {
  title: string;
  recipe: string;
  from: Flavor | undefined;
  arches: string[];
  displayManager: string | undefined;
}

/** The groups of a new flavor, in the order of installation. */
export function firstGroups({ recipe, from, displayManager }: Beginning): Groups {
  const starter = starters[recipe];
  if (!starter) return {};
  const taken = new Set((from ? lineage(from) : []).flatMap((f) => Object.values(f.groups).flatMap((g) => g.packages)));
  const login = (displayManager && starter.displayManagers[displayManager]) || [];
  const example = examples.find((name) => !taken.has(name)) ?? "nano";
  return {
    ...(from ? {} : starter.alone),
    ...(login.length ? { login: { interval: "monthly", packages: login.filter((p) => !taken.has(p)) } } : {}),
    tools: { interval: "weekly", packages: [example] },
  };
}

/** The line of a flavor's YAML for an image that is meant for bootc. */
export const bootcLine = "bootc: true # machines install and update it with bootc";

/** Pure: a value as YAML of one line that reads back as the same, so with quotes where `5`, `true` or `a: b` need them. */
export function inline(value: string | string[]): string {
  return stringify(value, { lineWidth: 0, collectionStyle: "flow", flowCollectionPadding: false }).trimEnd();
}

function groupText([name, { interval, packages }]: [string, Groups[string]]): string {
  const lines = packages.join(", ").replaceAll(/(.{90,110}?,) /g, "$1\n      ");
  return `  ${name}:\n    interval: ${interval}\n    packages: [${lines}]`;
}

/**
 * The YAML of a new flavor, with a comment for whoever reads such a file for the first time.
 * @param files paths that its overlay brings.
 */
export function flavorYaml(name: string, begin: Beginning, files: string[]): string {
  const { title, recipe, from, arches, displayManager } = begin;
  const groups = firstGroups(begin);
  const set = groups.login && displayManager;
  const units = set ? `{ enable: [${displayManager}.service] }` : "{ enable: [], disable: [] }";
  const installed = Object.values(groups).flatMap((g) => g.packages.slice(0, 1));
  const bootc = starters[recipe]?.bootc && !from ? `${bootcLine}\n` : "";
  const login = displayManager
    ? [
        "",
        `# The one program that shows the login screen.${set ? "" : " Name its package in a group and its unit in `units` below."}`,
        `displayManager: ${displayManager}`,
      ]
    : [];
  return `# ${title}: what it is for, in a line or two.
#
# \`bun run lint\` checks this file, \`bun run build ${arches[0] ?? "ARCH"} ${name}\` makes the image. Files below overlays/${name}/ are copied into it.
title: ${inline(title)}
builder: containerfile
recipe: ${recipe} # how it is built: containerfiles/${recipe}.Containerfile
${from ? `from: ${inline(from.name)} # everything that this flavor has is in the image already` : "# from: NAME would put it on another flavor; it is based on the arch's own base image"}
arches: ${inline(arches)}
${bootc}${login.map((line) => `${line}\n`).join("")}
# Packages that are installed together and change together, in this order; a group is one layer of the build. \`interval\`
# says how often they change: daily, weekly, biweekly, monthly, quarterly or yearly. A package stands in one group only.
groups:${Object.keys(groups).length ? `\n${Object.entries(groups).map(groupText).join("\n")}` : " {} # tools: {interval: weekly, packages: [tree]}"}

# systemd units that run at boot, and those that shall not, with their type: sshd.service, fstrim.timer.
units: ${units}

# Kernel arguments and settings of this flavor, for example:
# kargs: [quiet]
# sysctl: { vm.swappiness: 40 }

# What must be in the finished image; tests and the virtual machine look.
smoke:
  packages: [${installed.join(", ")}]
  files: ${inline(files)}
`;
}

/** What the one file of a new overlay folder says, at its place in the image. */
export function overlayText(name: string, title: string, path: string): string {
  return `${title}

The files below overlays/${name}/ are copied into the image as they lie there; this one is ${path}.
Not for an overlay: /opt (use /usr/lib/opt), /usr/etc (use /etc), /var (write a tmpfiles.d file), /boot, and names of users.
`;
}
