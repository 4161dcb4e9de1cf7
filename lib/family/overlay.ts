import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Mistake } from "./mistakes.ts";

/** A file that a flavor ships. */
export interface OverlayFile {
  flavor: string;
  /** From the project's root. */
  file: string;
  /** Its place in the image. */
  place: string;
  size: number;
  /** Where a symbolic link leads. */
  link?: string;
  /** Lines of a text file; none for a link, a binary or something huge. */
  lines: string[];
}

/** Paths of files below a folder; links are not followed. */
function walk(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? walk(folder, `${below}/${entry.name}`) : [`${below}/${entry.name}`]));
}

function read(root: string, flavor: string, place: string): OverlayFile {
  const file = `overlays/${flavor}${place}`;
  const path = join(root, file);
  const stat = lstatSync(path);
  const common = { flavor, file, place, size: stat.size };
  if (stat.isSymbolicLink()) return { ...common, link: readlinkSync(path), lines: [] };
  const text = stat.isFile() && stat.size < 1_000_000 ? readFileSync(path, "utf8") : "";
  return { ...common, lines: text.includes("\0") ? [] : text.split("\n") };
}

/** The names of the overlay folders, and all files in them. */
export function readOverlays(root: string): { folders: string[]; files: OverlayFile[] } {
  const all = join(root, "overlays");
  if (!existsSync(all)) return { folders: [], files: [] };
  const entries = readdirSync(all, { withFileTypes: true });
  const folders = entries.flatMap((e) => (e.isDirectory() ? [e.name] : [])).sort();
  return { folders, files: folders.flatMap((name) => walk(join(all, name)).map((place) => read(root, name, place))) };
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
