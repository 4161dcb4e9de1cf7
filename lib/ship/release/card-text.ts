import { changeLines, countChanges } from "../../packages/changes.ts";
import { bytes } from "../../system/output.ts";
import { namedLines } from "../../system/table.ts";
import type { Card } from "./card.ts";

/** A card in words: for the terminal, and for whatever else shows the same. */

/** Pure: what a machine with the last version fetches. */
export function downloadWords({ since, layers }: Card): string {
  switch (since.is) {
    case "first":
      return "all of it: this is the first version";
    case "same":
      return "nothing: it is the same as the last version";
    case "gone":
      return "not known: the registry no longer has the last version";
    case "update":
      return `${bytes(since.download)} from the last version; ${since.kept} of ${layers} layers are there already`;
  }
}

/** Pure: how many packages, and how many of them are others than in the last version. */
export function packageWords({ since, packages }: Card): string {
  if (packages === null) return "not known of this version";
  if (since.is !== "update") return String(packages);
  if (!since.packages.known) return `${packages}; not known of the last version`;
  return `${packages}: ${countChanges(since.packages)}`;
}

/** Pure: a line a package that is another than in the last version, by what became of it. */
export function changesOf({ since }: Card): [what: string, lines: string[]][] {
  return since.is === "update" && since.packages.known ? changeLines(since.packages) : [];
}

/** Pure: the command that names all packages which differ, also when the release is long over. Undefined where none do. */
export function allPackagesWords(card: Card): string | undefined {
  const { since, image } = card;
  if (since.is !== "update" || changesOf(card).length === 0) return undefined;
  const repository = image.slice(0, image.lastIndexOf("@"));
  return `bun run delta docker://${repository}@${since.previous} docker://${image} --quick --all`;
}

/** Pure: at most so many lines, and how many more there are. */
export function atMost(lines: string[], most: number): string[] {
  return lines.length > most ? [...lines.slice(0, most), `and ${lines.length - most} more`] : lines;
}

/**
 * Pure: a card of lines. No word is cut: the first line can be copied whole, whatever the width.
 * @param most how many packages of a list are named.
 */
export function cardText(
  card: Card,
  { width, most, title }: { width: number; most: number; title: (text: string) => string },
): string {
  const { image, tags, layers, size, key, verified, install } = card;
  if (card.since.is === "same") return `${title(image)}  the same as the last version`;
  const lines = namedLines(
    [
      ["tags", [tags.join(", ")]],
      ["size", [`${bytes(size)} in ${layers} layers`]],
      ["download", [downloadWords(card)]],
      ["packages", [packageWords(card)]],
      ...changesOf(card).map(([what, list]): [string, string[]] => [what, atMost(list, most)]),
      ["signed by", [key]],
      ["verified", [`as machines do: ${verified.join(", ")}`]],
      ["install", [install]],
    ],
    width,
  );
  return [title(image), ...lines].join("\n");
}
