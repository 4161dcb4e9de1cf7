import { quote } from "./shell.ts";

export type PackageManager = "apt" | "dnf" | "pacman";

/** What a tool's package is called by each package manager; absent where that distribution has none. */
export type PackageNames = Partial<Record<PackageManager, string>>;

const programs: [PackageManager, string, string[]][] = [
  ["apt", "apt-get", ["apt-get", "install", "-y", "--no-install-recommends"]],
  ["dnf", "dnf", ["dnf", "install", "-y"]],
  ["pacman", "pacman", ["pacman", "-S", "--needed", "--noconfirm"]],
];

/** The package manager of this machine, if it is one that Slipway knows. */
export function packageManager(which: (program: string) => string | null = Bun.which): PackageManager | undefined {
  return programs.find(([, program]) => which(program))?.[0];
}

/** The command that installs packages here, ready to be pasted; undefined where no package of this machine helps. */
export function installCommand(
  packages: PackageNames[],
  manager = packageManager(),
  isRoot = process.getuid?.() === 0,
): string | undefined {
  const row = programs.find(([name]) => name === manager);
  const names = manager ? packages.flatMap((p) => p[manager]?.split(" ") ?? []) : [];
  if (!row || names.length === 0) return undefined;
  return [...(isRoot ? [] : ["sudo"]), ...row[2], ...new Set(names)].map(quote).join(" ");
}
