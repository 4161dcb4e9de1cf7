import { quote } from "../system/shell.ts";

export type PackageManager = "apt" | "dnf" | "pacman";

/** What a tool's package is called by each package manager; absent where that distribution has none. */
export type PackageNames = Partial<Record<PackageManager, string>>;

interface Manager {
  name: PackageManager;
  program: string;
  install: string[];
  reinstall: string[];
}

const managers: Manager[] = [
  {
    name: "apt",
    program: "apt-get",
    install: ["apt-get", "install", "-y", "--no-install-recommends"],
    reinstall: ["apt-get", "install", "-y", "--reinstall"],
  },
  { name: "dnf", program: "dnf", install: ["dnf", "install", "-y"], reinstall: ["dnf", "reinstall", "-y"] },
  {
    name: "pacman",
    program: "pacman",
    install: ["pacman", "-S", "--needed", "--noconfirm"],
    reinstall: ["pacman", "-S", "--noconfirm"],
  },
];

/** The package manager of this machine, if it is one that Slipway knows. */
export function packageManager(which: (program: string) => string | null = Bun.which): PackageManager | undefined {
  return managers.find(({ program }) => which(program))?.name;
}

function command(
  kind: "install" | "reinstall",
  packages: PackageNames[],
  manager: PackageManager | undefined,
  isRoot: boolean,
): string | undefined {
  const row = managers.find(({ name }) => name === manager);
  const names = manager ? packages.flatMap((p) => p[manager]?.split(" ") ?? []) : [];
  if (!row || names.length === 0) return undefined;
  return [...(isRoot ? [] : ["sudo"]), ...row[kind], ...new Set(names)].map(quote).join(" ");
}

/** The command that installs packages here, ready to be pasted; undefined where no package of this machine helps. */
export function installCommand(
  packages: PackageNames[],
  manager = packageManager(),
  isRoot = process.getuid?.() === 0,
): string | undefined {
  return command("install", packages, manager, isRoot);
}

/** The command that installs a package once more, with the rights of its files as they should be. */
export function reinstallCommand(
  names: PackageNames,
  manager = packageManager(),
  isRoot = process.getuid?.() === 0,
): string | undefined {
  return command("reinstall", [names], manager, isRoot);
}
