/** What a command is, as data, and the options that several commands have. */

/** What a word on the command line can be; the completions ask the project for the words of a kind. */
export type WordKind =
  | "command"
  | "arch"
  | "arches"
  | "flavor"
  | "base"
  | "display-manager"
  | "test"
  | "shell"
  | "filesystem"
  | "vm-verb"
  | "vm";

export interface Option {
  name: string;
  /** One letter, such as `o` for `-o`; several can stand together. */
  short?: string;
  /** What stands for the value in the help; absent for a switch. */
  value?: string;
  /** What completes the value. */
  words?: WordKind;
  summary: string;
}

/** What a command is about, in the order of the first screen; `yours` are scripts that maintainers wrote. */
export const groups = ["make", "ship", "try", "machines", "project", "yours"] as const;

export interface Command {
  name: string;
  group: (typeof groups)[number];
  /** Three words for the first screen, at most 18 characters. */
  brief: string;
  summary: string;
  /** Positional words, with what completes them. */
  args: { name: string; words?: WordKind; many?: boolean }[];
  options: Option[];
  /** What may stand after `--`. */
  rest?: string;
  /** Of use in a checkout only: an installed package does not have what it needs. */
  onlyInCheckout?: true;
  example: string;
}

export const json: Option = { name: "json", summary: "one JSON document on stdout" };
export const yes: Option = { name: "yes", short: "y", summary: "take the default of every question" };
export const dryRun: Option = { name: "dry-run", short: "n", summary: "show what would run, change nothing" };
export const attempts: Option = {
  name: "attempts",
  value: "N",
  summary: "how often a registry is tried, with growing pauses (5)",
};
export const skipUnable: Option = {
  name: "skip-unable",
  summary: "leave out an arch that this CPU cannot run, with a notice, and exit with 0: for CI",
};
/** The registry shows a signed image that is not the one which belongs there now. */
export const allowOld: Option[] = [
  { name: "allow-older", summary: "take an image that is older than the booted or staged one" },
  { name: "allow-stale", summary: "take one whose packages are older than its own limit" },
  { name: "allow-other", summary: "take one that says it is for another flavor or arch" },
];
export const arch = { name: "arch", words: "arch" } as const;
export const flavor = { name: "flavor", words: "flavor" } as const;
export const flavors = { name: "flavor", words: "flavor", many: true } as const;
