import { arch, type Command, dryRun, flavor, json, yes } from "./row.ts";

/** Looking after a checkout. */
export const projectCommands: Command[] = [
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
    options: [{ name: "arches", summary: "one entry an arch, for `bun run release`" }, json],
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
    options: [{ name: "slow", summary: "those that take minutes too; in CI they always run" }],
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
