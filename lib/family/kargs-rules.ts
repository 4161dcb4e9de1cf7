import { isKargsFile, kargsFolder, kargsKeys, splitArguments } from "../oci/kargs.ts";
import { didYouMean } from "../system/nearest.ts";
import * as forbidden from "./forbidden.ts";
import type { Mistake } from "./mistakes.ts";
import { lineMistake, type OverlayFile } from "./overlay.ts";
import { eachOverlayFile } from "./rule.ts";

/** Rules about the kernel arguments that an overlay ships: what bootc cannot read, or reads nothing of. */

const file = 'a regular file NAME.toml with `kargs = ["name=value"]`';

/** Each place below kargs.d, and kargs.d itself, as bootc meets it. Source: bootc's bootc_kargs.rs. */
export const kargsPlaces = eachOverlayFile((overlay): Mistake[] => {
  const wrong = (message: string, expected: string): Mistake[] => [
    { file: overlay.file, line: 1, column: 1, message, expected },
  ];
  if (overlay.place === kargsFolder)
    return wrong(
      `kargs.d that is ${overlay.link === undefined ? "a file" : "a link"}`,
      "a folder: bootc opens no other",
    );
  if (!overlay.place.startsWith(`${kargsFolder}/`)) return [];
  const [name = "", ...below] = overlay.place.slice(kargsFolder.length + 1).split("/");
  if (isKargsFile(name) && below.length) return wrong(`a folder with the name of a file: kargs.d/${name}`, file);
  if (!isKargsFile(overlay.place)) return [];
  if (below.length) return wrong("bootc does not look into folders of kargs.d", `${kargsFolder}/${below.at(-1)}`);
  // an installation follows a link that stays in the folder; an update does not, and fails
  return overlay.link === undefined
    ? []
    : wrong(`a link in kargs.d: ${name}`, `${file}: bootc's updates follow no link`);
});

function lineOf({ lines }: OverlayFile, text: string): number {
  return Math.max(
    0,
    lines.findIndex((line) => line.includes(text)),
  );
}

/** bootc's own format: `kargs`, a list of strings, and perhaps `match-architectures`; any other key is an error. */
export const kargsFiles = eachOverlayFile((overlay): Mistake[] => {
  const { place } = overlay;
  const isOne = place.startsWith(`${kargsFolder}/`) && !place.slice(kargsFolder.length + 1).includes("/");
  if (!isOne || !isKargsFile(place) || overlay.link !== undefined || overlay.strange !== undefined) return [];
  let content: Record<string, unknown>;
  try {
    content = Bun.TOML.parse(overlay.lines.join("\n")) as Record<string, unknown>;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^TOML Parse error: /, "") : String(error);
    return [lineMistake(overlay, 0, 1, `not a TOML file: ${why}`, 'kargs = ["name=value"]')];
  }
  const lacks = Object.keys(content).some((key) => didYouMean(key, ["kargs"]) !== "")
    ? []
    : [lineMistake(overlay, 0, 1, "no `kargs`", 'kargs = ["name=value"]')];
  return [
    ...(content.kargs === undefined ? lacks : []),
    ...Object.entries(content).flatMap(([key, value]) => entryMistakes(overlay, key, value)),
  ];
});

function entryMistakes(overlay: OverlayFile, key: string, value: unknown): Mistake[] {
  const at = Math.max(
    0,
    overlay.lines.findIndex((line) => line.split("=")[0]?.trim() === key),
  );
  if (!kargsKeys.includes(key))
    return [
      lineMistake(
        overlay,
        at,
        1,
        `unknown key \`${key}\`${didYouMean(key, kargsKeys)}`,
        `one of ${kargsKeys.join(", ")}`,
      ),
    ];
  if (!Array.isArray(value) || value.some((word) => typeof word !== "string"))
    return [lineMistake(overlay, at, 1, `wrong type for \`${key}\``, "a list of strings")];
  if (key !== "kargs")
    return value.length
      ? []
      : [
          lineMistake(
            overlay,
            at,
            1,
            "an empty list: bootc never uses this file",
            "the name of an architecture, or no match-architectures at all",
          ),
        ];
  return value.flatMap(splitArguments).flatMap((karg) => {
    const row = forbidden.kernelArguments.find(({ pattern }) => pattern.test(karg));
    const line = lineOf(overlay, karg);
    const column = (overlay.lines[line]?.indexOf(karg) ?? 0) + 1;
    return row ? lineMistake(overlay, line, column, `forbidden kernel argument \`${karg}\``, row.why) : [];
  });
}
