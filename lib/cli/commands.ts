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
    name: "rechunk",
    summary: "deal an image's files out to layers so that updates are small",
    args: [arch, flavors],
    options: [
      { name: "previous", value: "IMAGE", summary: "go on from this image's plan, or `none` (the published one's)" },
      { name: "layers", value: "N", summary: "at most so many layers (family.yaml)" },
      { name: "components", value: "WHO", summary: "whose word counts first: packages, or tags (packages)" },
      {
        name: "image",
        value: "IMAGE",
        summary: "any image instead of a target: a name, an id, oci:DIR, docker://NAME",
      },
      { name: "to", value: "DIR", summary: "with --image: the folder to write; nothing is loaded" },
      dryRun,
      json,
      yes,
    ],
    example: "bun run rechunk amd64 minimal",
  },
  {
    name: "delta",
    summary: "what a machine on image A downloads to get image B, and why",
    args: [{ name: "A" }, { name: "B" }],
    options: [
      { name: "budget", value: "SIZE", summary: "exit 1 if it is more than this, such as 400MB" },
      { name: "quick", summary: "only compare the manifests: no floor, no reasons, no layer is read" },
      json,
    ],
    example: "bun run delta docker://ghcr.io/guara92/guaraos-minimal:amd64 oci:DIR --budget 400MB",
  },
  {
    name: "keys",
    summary: "make the key pair that signs the family's images",
    args: [],
    options: [{ name: "stdin", summary: "the first line of stdin is the password" }, json],
    example: "bun run keys",
  },
  {
    name: "push",
    summary: "push images, read back what arrived, remember the digest",
    args: [arch, flavors],
    options: [
      dryRun,
      { name: "force", summary: "push even what the registry has already" },
      { name: "attempts", value: "N", summary: "how often a registry is tried, with growing pauses (5)" },
      { name: "jobs", value: "N", summary: "how many are pushed side by side (2)" },
      json,
      yes,
    ],
    example: "bun run push znver4 cosmic",
  },
  {
    name: "sign",
    summary: "sign the digests that were pushed",
    args: [arch, flavors],
    options: [
      dryRun,
      { name: "attempts", value: "N", summary: "how often a registry is tried, with growing pauses (5)" },
      { name: "jobs", value: "N", summary: "how many are signed side by side (2)" },
      json,
      yes,
    ],
    example: "bun run sign znver4 cosmic",
  },
  {
    name: "verify",
    summary: "verify what the registry has as its machines would; an arch alone means all of it",
    args: [arch, flavors],
    options: [{ name: "jobs", value: "N", summary: "how many are verified side by side (4)" }, json, yes],
    example: "bun run verify znver4",
  },
  {
    name: "release",
    summary: "the whole line for an arch: build, rechunk, push, sign, verify, delta",
    args: [arch, flavors],
    options: [
      { name: "no-push", summary: "build and rechunk only, as for a pull request" },
      { name: "refresh", summary: "take new package versions: rebuild from the upgrade step on" },
      { name: "no-cache", summary: "use no cached layer" },
      { name: "force", summary: "build even if this CPU cannot run the result" },
      {
        name: "budget",
        value: "SIZE",
        summary: "fail if a machine downloads more than this from the previous release",
      },
      { name: "attempts", value: "N", summary: "how often a registry is tried, with growing pauses (5)" },
      { name: "jobs", value: "N", summary: "how many steps run side by side (2)" },
      dryRun,
      json,
      yes,
    ],
    example: "bun run release znver4",
  },
  {
    name: "switch",
    summary: "move this machine to an image, with a way back",
    args: [arch, flavor],
    options: [
      { name: "local", summary: "take the image from podman's storage instead of the registry" },
      { name: "reboot", summary: "reboot at once when it is staged" },
      { name: "health", value: "COMMAND", summary: "a line of shell that must succeed after the reboot" },
      { name: "no-guard", summary: "leave nothing that goes back by itself if the new system is unhealthy" },
      { name: "force", summary: "replace what is staged, or try again what was rolled back" },
      dryRun,
      yes,
      json,
    ],
    example: "bun run switch znver4 cosmic",
  },
  {
    name: "kargs",
    summary: "an image's kernel arguments against the running system's",
    args: [arch, flavor],
    options: [{ name: "apply", summary: "give the next boot what the image asks for, to try it" }, dryRun, yes, json],
    example: "bun run kargs znver4 gnome --apply --dry-run",
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
