import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { firstBytes } from "../../family/project-file.ts";

/** What reads a shipped file: decides what checks it. */
export type Kind = "sh" | "bash" | "zsh" | "fish" | "json" | "toml" | "unit";

export interface ShippedFile {
  /** From the project's root. */
  file: string;
  kind: Kind;
  /** It has no first line that names its shell, so a checker must be told. */
  unnamed: boolean;
}

const unitFile = /\/systemd\/(system|user)\/[^/]+\.(service|socket|timer|mount|automount|path|swap|target|slice)$/;

/** Files that only their place or name tells: no program starts them by their first line. */
const byPath: [RegExp, Kind][] = [
  [/\/etc\/zsh\/|\/\.zsh(rc|env)$|\.zsh$/, "zsh"],
  [/\.fish$/, "fish"],
  [/\/\.bash(rc|_profile|_logout)$|\/\.bashrc\.d\/|\.bash$/, "bash"],
  [/\/profile\.d\/[^/]+\.sh$|\/\.profile$|\.sh$/, "sh"],
  [/\.json$/, "json"],
  [/\.toml$/, "toml"],
  [unitFile, "unit"],
];

/** The kind of a file by its first line, else by its path; undefined for what nothing here can check. */
export function kindOf(path: string, firstLine: string): { kind: Kind; unnamed: boolean } | undefined {
  const program = /^#!\s*\S*?(?:env\s+(?:-S\s+)?)?([^\s/]+)(?:\s|$)/.exec(firstLine)?.[1];
  if (program === "sh" || program === "dash") return { kind: "sh", unnamed: false };
  if (program === "bash" || program === "zsh" || program === "fish") return { kind: program, unnamed: false };
  if (program !== undefined) return undefined;
  const kind = byPath.find(([pattern]) => pattern.test(path))?.[1];
  return kind && { kind, unnamed: !/^#\s*shellcheck\s+shell=/.test(firstLine) };
}

/** A first line that names a shell is shorter; Linux reads 256 bytes of it. */
const mostOfFirstLine = 256;

function walk(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((e) => (e.isDirectory() ? walk(root, `${folder}/${e.name}`) : [`${folder}/${e.name}`]));
}

/** Everything that the project ships and that can be checked: overlays (some or all), helpers, and its own scripts. */
export function shippedFiles(root: string, overlays: string[]): ShippedFile[] {
  const folders = [...overlays.map((name) => `overlays/${name}`), "containerfiles/helpers"];
  const files = [
    ...["run", ".ci/run", "bin/slipway"].filter((f) => existsSync(join(root, f))),
    ...folders.flatMap((f) => walk(root, f)),
  ];
  return files.flatMap((file) => {
    const path = join(root, file);
    if (!lstatSync(path).isFile()) return [];
    const [firstLine = ""] = firstBytes(path, mostOfFirstLine).bytes.toString("utf8").split("\n", 1);
    const found = kindOf(`/${file}`, firstLine);
    return found ? [{ file, ...found }] : [];
  });
}
