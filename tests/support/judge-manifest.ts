import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { YAML } from "bun";
import { labelLines } from "../../lib/builders/containerfile/containerfile.ts";
import { expand, generatedFiles } from "../../lib/builders/containerfile/expand.ts";
import { imageLabels } from "../../lib/builders/labels.ts";
import { checkManifest } from "../../lib/family/check.ts";
import { type Family, linkFamily, type Manifest, type Target } from "../../lib/family/family.ts";
import { ManifestFailure, type Mistake } from "../../lib/family/mistakes.ts";
import { allTargets } from "../../lib/family/target.ts";
import { fifo } from "./hostile-manifests.ts";
import { type Files, put, small } from "./small-family.ts";

// What becomes of a manifest: refused at a place, or accepted; and then what podman and a shell make of it, read by readers that
// know nothing of how it was written.

/** A project whose files are changed and put back, because two thousand of them take a minute to make. */
export class Ground {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-hostile-")));

  constructor() {
    for (const [path, text] of Object.entries(small)) if (text !== undefined) put(this.root, path, text);
  }

  /** What `use` says with these files in place of the small family's. */
  with<T>(files: Files, use: (root: string) => T): T {
    for (const path of Object.keys(files)) this.place(path, files[path]);
    try {
      return use(this.root);
    } finally {
      for (const path of Object.keys(files)) this.place(path, small[path]);
    }
  }

  private place(path: string, text: string | undefined): void {
    rmSync(join(this.root, path), { force: true });
    if (text === undefined) return;
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    if (text === fifo) Bun.spawnSync(["mkfifo", join(this.root, path)]);
    else put(this.root, path, text);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export type Verdict = { family: Family; manifest: Manifest } | { mistakes: Mistake[]; said: string };

/** @throws for anything that is neither accepted nor refused: a defect, which a person would see as a stack trace. */
export function judge(root: string): Verdict {
  try {
    const manifest = checkManifest(root);
    return { manifest, family: linkFamily(manifest, root) };
  } catch (error) {
    if (error instanceof ManifestFailure) return { mistakes: error.mistakes, said: error.lines().join("\n") };
    throw error;
  }
}

/** The instructions of a Containerfile: keyword and the rest, lines joined. Source: Dockerfile reference, "Format", "Escape". */
export function instructions(text: string): { keyword: string; rest: string }[] {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join("\n").replaceAll(/\\[ \t]*\n/g, "");
  return joined.split("\n").map((line) => {
    const [, keyword = "", rest = ""] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? [];
    return { keyword, rest };
  });
}

/** The family with a word of small letters in the place of every value that somebody chose, and as many of everything. */
export function harmless({ head, flavors }: Manifest, root: string): Family {
  let count = 0;
  const fresh = () => `w${count++}`;
  const each = (words: string[], make = fresh) => words.map(make);
  const keys = <T>(map: Record<string, T>, value: (v: T) => T, key = fresh) =>
    Object.fromEntries(Object.values(map).map((v) => [key(), value(v)]));
  const unit = () => `${fresh()}.service`;
  const path = () => `/${fresh()}`;
  const tame = Object.entries(flavors).map(([name, f]) => [
    name,
    {
      ...f,
      title: fresh(),
      args: keys(f.args, fresh, () => fresh().toUpperCase()),
      ...(f.aur ? { aur: { ...f.aur, packages: each(f.aur.packages) } } : {}),
      groups: keys(f.groups, (g) => ({ ...g, packages: each(g.packages), replace: keys(g.replace, fresh) })),
      units: Object.fromEntries(Object.entries(f.units).map(([key, names]) => [key, each(names, unit)])),
      kargs: each(f.kargs),
      sysctl: keys(f.sysctl, fresh, () => `vm.${fresh()}`),
      suid: each(f.suid, path),
      modes: keys(f.modes, (mode) => mode, path),
    },
  ]);
  const arches = Object.entries(head.arches).map(([name, arch]) => [
    name,
    { ...arch, base: "a.b/c:1", repos: each(arch.repos) },
  ]);
  const top = {
    ...head,
    title: "Tame",
    registry: "a.b/c",
    prefix: "x",
    key: "x.pub",
    arches: Object.fromEntries(arches),
  };
  return linkFamily({ head: { ...top, openRegistries: [] }, flavors: Object.fromEntries(tame) }, root);
}

/** What podman gets: the recipe, filled in, and the labels. */
export function containerfile(target: Target, family: Family): string {
  const origin = { epoch: 0, revision: undefined } as never;
  const labels = imageLabels(target, family, origin, { name: "a", digest: "b" }, "");
  return `${expand(target, family).replace(/\n?$/, "\n")}${labelLines(labels)}`;
}

/** The flavor's recipe is the small family's own, of which `wantedCalls` knows the markers. */
export function hasUsualRecipe({ flavor }: Target, files: Files): boolean {
  const recipe = flavor.from ? "desk" : "root";
  return flavor.recipe === recipe && !Object.hasOwn(files, `containerfiles/${recipe}.Containerfile`);
}

/** The commands that a target asks for, as words. */
export function wantedCalls(target: Target, family: Family): string[][] {
  const { flavor, arch } = target;
  const { units, aur } = flavor;
  const group = (name: string, interval: string, more: string[], packages: string[]) => [
    "group",
    name,
    interval,
    ...more,
    "--",
    ...packages,
  ];
  const verbs: [string[], string[]][] = [
    [["enable"], units.enable],
    [["disable"], units.disable],
    [["mask"], units.mask],
    [["--global", "enable"], units["user-enable"]],
  ];
  return [
    ...(flavor.from ? [] : [["arch-setup", ...arch.repos]]),
    ...(flavor.from ? [] : (aur?.packages ?? []).map((name) => ["aur-build", name])),
    ...Object.entries(flavor.groups).map(([name, g]) =>
      group(
        name,
        g.interval,
        Object.entries(g.replace).flatMap(([old, now]) => ["--replace", `${old}=${now}`]),
        g.packages,
      ),
    ),
    ...(aur && !flavor.from ? [group("aur", aur.interval, ["--files", "/run/aur"], aur.packages)] : []),
    ...Object.entries(flavor.args).map(([name, value]) => ["ARG", `${name}=${value}`]),
    ...flavor.run.map((name) => [name]),
    ...(flavor.from ? [] : [["upgrade"]]),
    ...generatedFiles(target, family).map(({ path, lines }) => ["write", path, ...lines]),
    ...verbs.filter(([, names]) => names.length).map(([verb, names]) => ["systemctl", ...verb, ...names]),
    ...flavor.suid.map((path) => ["chmod", "u+s", path]),
    ...Object.entries(flavor.modes).map(([path, mode]) => ["chmod", mode, path]),
    ...flavor.finish.map((name) => [name]),
  ];
}

/** Instructions as lines for a shell in which every program is a function that prints its words. */
export function shellLines(text: string): string[] {
  return instructions(text).flatMap(({ keyword, rest }) => {
    if (keyword === "ARG" && !/^(BASE|SLIPWAY_REFRESH)=/.test(rest)) return [`ARG ${rest}`];
    if (keyword !== "RUN" || rest === "mkdir -p /overlay" || rest === "bootc container lint") return [];
    return [
      rest
        .replace(/^--mount=\S+ /, "")
        .replace(/^\/usr\/libexec\/slipway\/([a-z-]+)/, "called $1")
        .replaceAll(" && /usr/libexec/slipway/write ", " && called write ")
        .replaceAll('if [ -e "$f" ]', "if true"),
    ];
  });
}

const prelude = `called() { printf '%s\\0' "$#" "$@"; }
ARG() { called ARG "$@"; }
systemctl() { called systemctl "$@"; }
chmod() { called chmod "$@"; }
PATH=/nowhere
`;

/** What a real shell makes of the lines, in a folder that stays empty if none does what it should not. */
export function calledBy(lines: string[], folder: string): string[][] {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["/bin/sh", "-s"], {
    cwd: folder,
    stdin: Buffer.from(`${prelude}${lines.join("\n")}\n`),
  });
  if (exitCode !== 0) throw new Error(`sh: ${exitCode}: ${stderr}`);
  const words = stdout.toString("utf8").split("\0").slice(0, -1);
  const calls: string[][] = [];
  while (words.length) calls.push(words.splice(0, Number(words.shift())));
  return calls;
}

/** Files that a target's values make, as their readers read them; compared with what was said. */
export function generated(target: Target, family: Family): { found: unknown; wanted: unknown } {
  const { flavor } = target;
  const files = new Map(generatedFiles(target, family).map(({ path, lines }) => [path, lines.join("\n")]));
  const of = (end: string) => [...files].find(([path]) => path.endsWith(end))?.[1];
  const toml = of(".toml");
  const policy = of("policy.json");
  const registries = of(`registries.d/${family.prefix}.yaml`);
  const root = !flavor.from;
  return {
    found: {
      kargs: toml === undefined ? [] : (Bun.TOML.parse(toml) as { kargs: string[] }).kargs,
      sysctl: of(`-${flavor.name}.conf`)?.split("\n").length ?? 0,
      preset: of(".preset")?.split("\n").length ?? 0,
      scopes: policy === undefined ? [] : Object.keys(JSON.parse(policy).transports.docker),
      attached: registries === undefined ? [] : Object.keys((YAML.parse(registries) as { docker: object }).docker),
    },
    wanted: {
      kargs: flavor.kargs,
      sysctl: Object.keys(flavor.sysctl).length,
      preset: flavor.units.enable.length + flavor.units.disable.length,
      scopes: root ? [...new Set([family.registry, ...family.openRegistries])] : [],
      attached: root ? [family.registry] : [],
    },
  };
}

export const targetsOf = allTargets;
