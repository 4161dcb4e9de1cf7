import { accessSync, appendFileSync, constants, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { bytes, print } from "../../system/output.ts";
import { writeWhole } from "../../system/state-file.ts";
import type { Card } from "./card.ts";
import { allPackagesWords, atMost, changesOf, downloadWords, packageWords } from "./card-text.ts";

/** Release notes: the cards as Markdown, a section an image. */

const code = (text: string) => `\`${text}\``;
const fenced = (language: string, lines: string[]) => [`\`\`\`${language}`, ...lines, "```"];

function section(card: Card, most: number): string[] {
  const { reference, image, tags, layers, size, key, verified, install } = card;
  const head = [`## ${code(reference)}`, ""];
  if (card.since.is === "same") return [...head, `The same as the last version: ${code(image)}`, ""];
  const folded = changesOf(card).flatMap(([what, list]) => [
    ...[`<details><summary>Packages ${what}: ${list.length}</summary>`, ""],
    ...[...fenced("text", atMost(list, most)), "", "</details>", ""],
  ]);
  return [
    ...head,
    `- Image: ${code(image)}`,
    `- Tags: ${tags.map(code).join(", ")}`,
    `- Size: ${bytes(size)} in ${layers} layers`,
    `- Download: ${downloadWords(card)}`,
    `- Packages: ${packageWords(card)}`,
    `- Signed by: ${code(key)}`,
    `- Verified as machines do: ${verified.join(", ")}`,
    "",
    ...folded,
    "Install:",
    "",
    ...fenced("sh", [install]),
    "",
  ];
}

/** Pure. @param most how many packages of a list are named; without it all of them are */
export function notesText(cards: Card[], most = Number.POSITIVE_INFINITY): string {
  return cards.flatMap((card) => section(card, most)).join("\n");
}

/** They need not be files that can be opened: where stdout is a socket, they are not. */
const stdoutNames = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** Whether these notes are the result on stdout. */
export const isStdout = (path: string | undefined) => path !== undefined && stdoutNames.includes(path);

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** The file to which GitHub's page of a run is appended, by `release` itself. */
function isStepSummary(path: string): boolean {
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (!summary) return false;
  const [one, other] = [statOf(path), statOf(summary)];
  return one && other ? one.ino === other.ino && one.dev === other.dev : resolve(path) === resolve(summary);
}

/**
 * The file of `--notes`, looked at before anything is built.
 * @param path as it was given, if it was.
 * @param run what else was asked for.
 * @throws Failure (usage) for notes that could not be written, or of which there would be none
 */
export function notesFile(path: string | undefined, run: { ships: boolean; json: boolean }): string | undefined {
  if (path === undefined) return undefined;
  const refuse = (why: string, next: string) => new Failure(exit.usage, `--notes ${path}: ${why}`, { next });
  if (!run.ships)
    throw refuse("notes tell what was published, and --no-push publishes nothing", "leave one of them out");
  if (isStdout(path)) {
    if (run.json) throw refuse("with --json, stdout is one JSON document", "name a file, or leave --json out");
    return path;
  }
  try {
    const there = statOf(path);
    if (path === "" || there?.isDirectory()) throw refuse("this is not a file", "name a file, such as notes.md");
    accessSync(there && !there.isFile() ? path : dirname(resolve(path)), constants.W_OK);
    return path;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw refuse(`it cannot be written: ${code}`, "name a file in a folder that is there and where you may write");
  }
}

/**
 * Writes notes. A file that is there already is replaced as a whole: notes are of one run. GitHub's page of the run is not: `release` has
 * appended them there itself. What is no file, such as a pipe, is written into.
 * @throws Failure where that is not possible
 */
export function writeNotes(path: string, cards: Card[]): void {
  if (isStepSummary(path)) return;
  const text = notesText(cards);
  try {
    const there = statOf(path);
    if (isStdout(path)) print(text);
    else if (there && !there.isFile()) appendFileSync(path, text);
    else writeWhole(there ? realpathSync(path) : path, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(exit.failed, `the images are published, but their notes could not be written: ${code}`, {
      tried: [path],
      next:
        cards.map(allPackagesWords).find((words) => words !== undefined) ?? "see what is printed above: it is the same",
    });
  }
}
