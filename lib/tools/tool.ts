import type { PackageNames } from "./package-manager.ts";

/**
 * - `needed`: nothing works without it.
 * - `offline`: needed where no registry answers.
 * - `optional`: some command wants it; the toolbox has it, or that command does without.
 */
export type Need = "needed" | "offline" | "optional";

export interface Tool {
  name: string;
  /** What it is for, to fill the gap in "… for ___". */
  purpose: string;
  need: Need;
  /** Versions that we work with, as a semver range. */
  range: string;
  packages: PackageNames;
  /** The Debian package that brings it in the toolbox; absent for a tool that only this machine can have. */
  toolbox?: string;
  /** The toolbox of a rolling suite has it, not the one of the stable suite. */
  rolling?: true;
  /** Programs that are this tool, the best first; absent for a tool that is a file. */
  programs?: () => string[];
  /** Where it may lie, for a tool that is a file. */
  files?: string[];
  /** Words that make it say its version; absent where it cannot. */
  ask?: string[];
  /** Where in what it says the version stands, if not at the first number with a dot. */
  version?: RegExp;
  /** Why a program of the right version still will not do. */
  trouble?: (program: string) => Promise<string | undefined>;
  /** What its container needs beyond the project's folder. */
  container?: () => string[];
}

/** A package that is called so everywhere. */
export const everywhere = (name: string): PackageNames => ({ apt: name, dnf: name, pacman: name });
