import { didYouMean } from "../system/nearest.ts";
import * as forbidden from "./forbidden.ts";
import { lineMistake } from "./overlay.ts";
import { eachFlavor, eachOverlayFile, type Rule } from "./rule.ts";

/** Rules about the files that flavors ship. */

export const overlaysHaveFlavors: Rule = ({ names, folders }) =>
  folders
    .filter((name) => !names.includes(name))
    .map((name) => ({
      file: `overlays/${name}`,
      message: `an overlay of no flavor${didYouMean(name, names)}`,
      expected: `the name of a flavor: ${names.join(", ")}; or make one: bun run new-flavor ${name}`,
    }));

/** Each file that a flavor shares is one of another overlay, and there is no other one at its place. */
export const sharedFilesExist = eachFlavor(({ name, shared }, { yaml }, { overlays, folders }) =>
  Object.entries(shared).flatMap(([other, places]) => {
    const others = folders.filter((folder) => folder !== name);
    if (!others.includes(other)) {
      const expected = `a folder of overlays/: ${others.join(", ") || "there is none"}`;
      return [yaml.mistake(["shared"], `there is no overlays/${other}${didYouMean(other, others)}`, expected, other)];
    }
    const placesOf = (flavor: string) => overlays.filter((o) => o.flavor === flavor).map(({ place }) => place);
    const [known, own] = [placesOf(other), placesOf(name)];
    return places.flatMap((place, i) => {
      const at = ["shared", other, i];
      if (own.includes(place)) return [yaml.mistake(at, `overlays/${name}${place} is there already`, "one of them")];
      if (known.includes(place)) return [];
      const message = `there is no overlays/${other}${place}${didYouMean(place, known)}`;
      return [yaml.mistake(at, message, `a file of overlays/${other}`)];
    });
  }),
);

export const overlaysAreFolders: Rule = ({ strays }) =>
  strays.map((name) => ({
    file: `overlays/${name}`,
    message: "an overlay that is no folder",
    expected: "a folder of files as they lie in the image",
  }));

export const filesAreFiles = eachOverlayFile(({ file, strange }) =>
  strange
    ? [{ file, message: `${strange} in an overlay`, expected: "a file, a folder or a link; tmpfiles.d makes others" }]
    : [],
);

export const placesAllowed = eachOverlayFile(({ file, place, link }) => {
  const row = forbidden.places.find(({ pattern }) => pattern.test(place));
  if (row) return [{ file, message: `an overlay file in a forbidden place: ${place}`, expected: row.why }];
  const unit = place.split("/").at(-1) ?? "";
  const masked = link === "/dev/null" && forbidden.neededUnits.find(({ pattern }) => pattern.test(unit));
  return masked ? [{ file, message: `this must not be masked: ${unit}`, expected: masked.why }] : [];
});

/** Comments may name what the rest of the file must not do. */
const isComment = (line: string) => /^\s*(#|\/\/|;)/.test(line);

export const linesAllowed = eachOverlayFile((overlay) =>
  forbidden.lines
    .filter(({ files }) => !files || files.test(overlay.place))
    .flatMap(({ pattern, message, why }) =>
      overlay.lines.flatMap((text, i) => {
        const hit = isComment(text) ? null : pattern.exec(text);
        return hit ? lineMistake(overlay, i, hit.index + 1, `${message}: ${hit[0].trim()}`, why) : [];
      }),
    ),
);

export const noInitramfsHook = eachOverlayFile((overlay) => {
  const { files, name, line, why } = forbidden.initramfsHook;
  if (!files.test(overlay.place) || overlay.link === "/dev/null") return [];
  const message = "an initramfs hook of pacman that is enabled";
  const at = overlay.lines.findIndex((text) => line.test(text));
  if (at >= 0) return [lineMistake(overlay, at, 1, message, why)];
  return name.test(overlay.place) ? [{ file: overlay.file, message, expected: why }] : [];
});
