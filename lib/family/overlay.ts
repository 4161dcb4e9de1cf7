import { type Dirent, existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { Mistake } from "./mistakes.ts";
import { kindOf } from "./project-file.ts";

/** A file that a flavor ships. */
export interface OverlayFile {
  flavor: string;
  /** From the project's root. */
  file: string;
  /** Its place in the image. */
  place: string;
  size: number;
  /** What it is, when it is neither a file nor a link. */
  strange?: string;
  /** Where a symbolic link leads. */
  link?: string;
  /** Lines of a text file; none for a link, a binary or something huge. */
  lines: string[];
}

/** Paths of files below a folder, and of folders that cannot be read (deeper than PATH_MAX, say); links are not followed. */
function walk(folder: string, below = ""): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(join(folder, below), { withFileTypes: true });
  } catch {
    return [below];
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? walk(folder, `${below}/${entry.name}`) : [`${below}/${entry.name}`]));
}

/** From this size on a file is data, not text that somebody wrote. */
const mostOfOverlay = 1_000_000;

function read(root: string, flavor: string, place: string): OverlayFile {
  const file = `overlays/${flavor}${place}`;
  const path = join(root, file);
  let stat: Stats;
  try {
    stat = lstatSync(path);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? "unknown";
    return { flavor, file, place, size: 0, strange: `what cannot be read (${why})`, lines: [] };
  }
  const common = { flavor, file, place, size: stat.size };
  if (stat.isSymbolicLink()) return { ...common, link: readlinkSync(path), lines: [] };
  if (!stat.isFile())
    return { ...common, strange: stat.isDirectory() ? "a folder that cannot be read" : kindOf(stat), lines: [] };
  const text = stat.size < mostOfOverlay ? readFileSync(path, "utf8") : "";
  return { ...common, lines: text.includes("\0") ? [] : text.split("\n") };
}

export interface Overlays {
  folders: string[];
  files: OverlayFile[];
  /** What lies beside the folders and is none. */
  strays: string[];
}

/** Beside what Slipway reads there may be a file for git or for a reader. */
export const isAside = (name: string) => name.startsWith(".") || name === "README.md";

/** The names of the overlay folders, and all files in them. */
export function readOverlays(root: string): Overlays {
  const all = join(root, "overlays");
  if (!existsSync(all)) return { folders: [], files: [], strays: [] };
  const entries = readdirSync(all, { withFileTypes: true });
  const folders = entries.flatMap((e) => (e.isDirectory() ? [e.name] : [])).sort();
  const strays = entries.flatMap((e) => (e.isDirectory() || isAside(e.name) ? [] : [e.name])).sort();
  const files = folders.flatMap((name) => walk(join(all, name)).map((place) => read(root, name, place)));
  return { folders, files, strays };
}

/** A mistake in a line of a file. */
export function lineMistake(
  { file, lines }: OverlayFile,
  index: number,
  column: number,
  message: string,
  expected: string,
): Mistake {
  return { file, line: index + 1, column, message, text: lines[index] ?? "", expected };
}
