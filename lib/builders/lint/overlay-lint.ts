import { join } from "node:path";
import { type Family, lineage, type Target } from "../../family/family.ts";
import { firstBytes } from "../../family/project-file.ts";
import type { Finding, Outcome } from "./finding.ts";
import { type Placed, placedFiles, projectTexts } from "./shipped-places.ts";
import { danglingWants, enabledUnits, notExecutable, unitPrograms } from "./start-lint.ts";

/** What editors of another system put before a text. Source: Unicode, "Byte Order Mark (BOM) FAQ". */
const marks: [string, number[]][] = [
  ["UTF-8", [0xef, 0xbb, 0xbf]],
  ["UTF-16", [0xff, 0xfe]],
  ["UTF-16", [0xfe, 0xff]],
];

/** Data of programs lies in /usr/share, and some of it has a mark on purpose. */
const isData = (place: string) => place.startsWith("/usr/share/");

/** A byte order mark at the beginning of a text: Linux does not see a `#!` behind it, and most readers take it for a letter. */
function mark(file: string, head: Buffer, isScript: boolean): Finding[] {
  const found = marks.find(([, bytes]) => bytes.every((byte, i) => head[i] === byte));
  if (!found) return [];
  const message = isScript
    ? "a byte order mark before `#!`: Linux does not run this script"
    : `a byte order mark of ${found[0]} at the beginning`;
  const at = { check: "overlay", file, line: 1, column: 1, message };
  return [{ ...at, severity: isScript ? "error" : "warning", next: "save it as UTF-8 without a byte order mark" }];
}

const startsScript = (line = "") => line.startsWith("\ufeff#!");

/** What the overlays of these targets would do on a machine: programs that cannot start, units that lead nowhere, texts with a mark. */
export async function overlayFiles(targets: Target[], family: Family): Promise<Outcome> {
  const { root } = family;
  const names = new Set(targets.flatMap(({ flavor }) => lineage(flavor).map(({ name }) => name)));
  const all = placedFiles(family);
  const files = all.filter(({ flavor }) => names.has(flavor));
  const byPlace = new Map<string, Placed>(all.map((file) => [file.place, file]));
  const stuck = notExecutable(files);
  const known = new Set(stuck.map(({ file }) => file));
  const own = projectTexts(root).map((file) => ({ file, head: firstBytes(join(root, file), 5).bytes }));
  return {
    findings: [
      ...stuck,
      ...unitPrograms(files, byPlace, known),
      ...danglingWants(files, byPlace),
      ...enabledUnits(targets, family, byPlace),
      ...files
        .filter(({ place, lines }) => !isData(place) || startsScript(lines[0]))
        .flatMap(({ file, head, lines }) => mark(file, head, startsScript(lines[0]))),
      ...own.flatMap(({ file, head }) => mark(file, head, head.subarray(3).toString() === "#!")),
    ],
  };
}
