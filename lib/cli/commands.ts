/** Every command as data: `--help`, `bun run list`, the completions and the README are written from this table. */

/** What a word on the command line can be; the completions ask the project for the words of a kind. */
export type WordKind = "arch" | "arches" | "flavor" | "base" | "display-manager" | "test" | "shell";

export interface Option {
  name: string;
  /** What stands for the value in the help; absent for a switch. */
  value?: string;
  /** What completes the value. */
  words?: WordKind;
  summary: string;
}

export interface Command {
  name: string;
  summary: string;
  /** Positional words, with what completes them. */
  args: { name: string; words?: WordKind; many?: boolean }[];
  options: Option[];
  example: string;
}

const json: Option = { name: "json", summary: "one JSON document on stdout" };
const yes: Option = { name: "yes", summary: "take the default of every question" };
const dryRun: Option = { name: "dry-run", summary: "show what would run, change nothing" };
const arch = { name: "arch", words: "arch" } as const;
const flavor = { name: "flavor", words: "flavor" } as const;
const flavors = { name: "flavor", words: "flavor", many: true } as const;

export const commands: Command[] = [
  {
    name: "list",
    summary: "the commands, and the table of targets",
    args: [],
    options: [json, { name: "unknown", value: "WORD", summary: "say that WORD is no command (used by ./run)" }],
    example: "bun run list",
  },
  {
    name: "build",
    summary: "make images from flavors",
    args: [arch, flavors],
    options: [
      dryRun,
      { name: "print", summary: "show the expanded Containerfile, build nothing" },
      { name: "force", summary: "build even if nothing changed, or if this CPU cannot run the result" },
      { name: "refresh", summary: "take new package versions: rebuild from the upgrade step on" },
      { name: "no-cache", summary: "use no cached layer" },
      { name: "jobs", value: "N", summary: "how many flavors are built side by side (2)" },
      json,
      yes,
    ],
    example: "bun run build znver4 cosmic",
  },
  {
    name: "doctor",
    summary: "what this machine has, lacks and can run, and the command that mends it",
    args: [],
    options: [json],
    example: "bun run doctor",
  },
  {
    name: "lint",
    summary: "check the manifest, shipped scripts, recipes and built images",
    args: [arch, flavor],
    options: [json],
    example: "bun run lint znver4 gnome",
  },
  {
    name: "matrix",
    summary: "the targets in build order, for CI",
    args: [],
    options: [json],
    example: "bun run matrix --json",
  },
  {
    name: "new-flavor",
    summary: "write the YAML and overlay folder of a new flavor",
    args: [{ name: "name" }],
    options: [
      { name: "title", value: "TEXT", summary: "what it is called in lists" },
      { name: "from", value: "FLAVOR", words: "base", summary: "the flavor it stands on, or none" },
      { name: "arches", value: "A,B", words: "arches", summary: "its arches" },
      { name: "display-manager", value: "NAME", words: "display-manager", summary: "its display manager, or none" },
      yes,
      json,
    ],
    example: "bun run new-flavor niri",
  },
  {
    name: "clean",
    summary: "remove what Slipway made, after showing it",
    args: [],
    options: [{ name: "all", summary: "caches, the installed Bun and the family's images too" }, dryRun, yes, json],
    example: "bun run clean --all",
  },
  {
    name: "completions",
    summary: "completions for a shell, on stdout",
    args: [{ name: "shell", words: "shell" }],
    options: [{ name: "line", value: "TEXT", summary: "what may follow, a word a line (used by the completions)" }],
    example: "bun run completions fish",
  },
  {
    name: "readme",
    summary: "write the tables of the README anew",
    args: [],
    options: [{ name: "check", summary: "change nothing; exit 1 if they are out of date" }],
    example: "bun run readme",
  },
  {
    name: "test",
    summary: "run the tests: unit, integration, or some by name",
    args: [{ name: "what", words: "test", many: true }],
    options: [],
    example: "./run test unit manifest",
  },
  {
    name: "bench",
    summary: "measure, and write docs/benchmarks.md",
    args: [{ name: "what", many: true }],
    options: [json],
    example: "bun run bench",
  },
];

export function findCommand(name: string): Command | undefined {
  return commands.find((c) => c.name === name);
}
