import { posix } from "node:path";
import { distance } from "fastest-levenshtein";
import { type Family, lineage, type Target } from "../../family/family.ts";
import { readProjectFile } from "../../family/project-file.ts";
import type { Finding } from "./finding.ts";
import { type Placed, placesOf } from "./shipped-places.ts";

/** What a machine could not start: programs that nobody may execute, and names that lead to no file. */

/** Folders in which whatever lies is started by its name. */
const programs = /^\/usr\/(local\/)?s?bin\/[^/]+$/;

/** Folders in which a file with a first line `#!` is started by somebody. */
const scripts = [
  /^\/usr\/(local\/)?libexec\//,
  /^\/(etc|usr\/lib)\/systemd\/(system|user)(-environment)?-generators\//,
  /^\/usr\/lib\/systemd\/system-(sleep|shutdown)\//,
  /^\/(etc|usr\/lib)\/NetworkManager\/dispatcher\.d\//,
  /^\/(etc|usr\/lib)\/kernel\/(install\.d|postinst\.d|postrm\.d)\//,
  /^\/(etc|usr\/share)\/initramfs-tools\/(hooks|scripts)\//,
  /^\/etc\/cron\.(hourly|daily|weekly|monthly)\//,
];

const isRegular = ({ link, strange }: Placed) => link === undefined && strange === undefined;

/** `#!`, with a byte order mark before it or not. */
const isScript = ({ lines }: Placed) => /^\ufeff?#!/.test(lines[0] ?? "");

const chmod = ({ file }: Placed) => `chmod +x ${file}; or set it in the flavor's modes`;

/** Programs without the right to be executed. */
export function notExecutable(files: Placed[]): Finding[] {
  return files
    .filter((file) => isRegular(file) && !file.isExecutable)
    .filter(
      (file) => programs.test(file.place) || (isScript(file) && scripts.some((folder) => folder.test(file.place))),
    )
    .map((file) => ({
      ...{ check: "overlay", severity: "error", file: file.file, line: 1, column: 1 },
      ...{ message: "a program that nobody may execute", next: chmod(file) },
    }));
}

/** Units and their drop-ins. */
const unitText = /\/systemd\/(system|user)\/[^/]+\.(service|socket|mount|swap)(\.d\/[^/]+\.conf)?$/;

/** The program of a command line. Source: systemd.service(5), "Command lines": some characters can come before the path. */
const command = /^\s*Exec(?:Start|Stop)?(?:Pre|Post)?(?:Condition|Reload)?\s*=\s*[-@:+!|]*("?)(\/[^\s"]+)/;

/** Two names of which one is likely meant to be the other; numbers are often told apart on purpose. */
function isTypo(a: string, b: string): boolean {
  const bare = (text: string) => text.replaceAll(/\d/g, "0");
  return a.length > 5 && bare(a) !== bare(b) && distance(a, b) <= 2;
}

/**
 * Programs that units start: those of an overlay have to be executable; a name that is almost one of an overlay is likely wrong.
 * @param known files of which that was said already
 */
export function unitPrograms(files: Placed[], byPlace: Map<string, Placed>, known: Set<string | undefined>): Finding[] {
  const named = files.filter((file) => isRegular(file) && unitText.test(file.place));
  return named.flatMap(({ file, lines }) =>
    lines.flatMap((text, i): Finding[] => {
      const path = command.exec(text)?.[2];
      if (path === undefined || /[%$\\]/.test(path)) return [];
      const at = { check: "overlay", file, line: i + 1, column: text.indexOf(path) + 1 };
      const target = placesOf(path).flatMap((place) => byPlace.get(place) ?? [])[0];
      if (target)
        return isRegular(target) && !target.isExecutable && !known.has(target.file)
          ? [{ ...at, severity: "error", message: `${path} is not executable`, next: chmod(target) }]
          : [];
      const near = [...byPlace.keys()].find(
        (place) => posix.dirname(place) === posix.dirname(path) && isTypo(posix.basename(place), posix.basename(path)),
      );
      return near === undefined
        ? []
        : [{ ...at, severity: "warning", message: `no overlay has ${path}; did you mean ${near}?` }];
    }),
  );
}

const unitsFolder = /^\/(etc|usr\/lib)\/systemd\/(system|user)\/[^/]+$/;

/**
 * Links that enable a unit and lead to `/etc/systemd` where no overlay has it: packages put theirs below `/usr`. What leads there may
 * be in the base image, and nothing is said of it.
 */
export function danglingWants(files: Placed[], byPlace: Map<string, Placed>): Finding[] {
  return files.flatMap(({ file, place, link }): Finding[] => {
    if (
      link === undefined ||
      !/^\/(etc|usr\/lib)\/systemd\/(system|user)\/[^/]+\.(wants|requires|upholds)\/[^/]+$/.test(place)
    )
      return [];
    const target = posix.resolve(posix.dirname(place), link);
    const template = target.replace(/@[^/]*\./, "@.");
    if (!target.startsWith("/etc/systemd/") || byPlace.has(target) || byPlace.has(template)) return [];
    const message = `this enables a unit that no overlay has: ${target}`;
    const next = "add the unit, or let the link lead to where its package has it (/usr/lib/systemd)";
    return [{ check: "overlay", severity: "warning", file, line: 1, column: 1, message, next }];
  });
}

/** Units that a flavor names and that are almost one of an overlay. What is in no overlay may come from a package. */
export function enabledUnits(targets: Target[], family: Family, byPlace: Map<string, Placed>): Finding[] {
  const own = [...byPlace.keys()].filter((place) => unitsFolder.test(place)).map((place) => posix.basename(place));
  const flavors = new Set(targets.flatMap(({ flavor }) => lineage(flavor)));
  return [...flavors].flatMap(({ name, units }) =>
    units.enable.flatMap((unit): Finding[] => {
      const near = own.includes(unit) ? undefined : own.find((other) => isTypo(other, unit));
      if (near === undefined) return [];
      const file = `flavors/${name}.yaml`;
      const read = readProjectFile(family.root, file);
      const lines = "text" in read ? read.text.split("\n") : [];
      const line = Math.max(
        0,
        lines.findIndex((text) => text.includes(unit)),
      );
      const column = Math.max(0, lines[line]?.indexOf(unit) ?? 0) + 1;
      const message = `no overlay has ${unit}; did you mean ${near}?`;
      return [{ check: "overlay", severity: "warning", file, line: line + 1, column, message }];
    }),
  );
}
