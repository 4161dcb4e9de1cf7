import { isConsole, nameOf, sameWord } from "../oci/kargs.ts";

/**
 * How two lists of kernel arguments differ. A name may stand several times (`console=`), so words are compared whole; the order of
 * an image's words is kept, because of two with the same name the later one usually counts.
 */

function has(words: string[], word: string): boolean {
  return words.some((other) => sameWord(other) === sameWord(word));
}

/** Words without repeats, the first of each kept. */
function once(words: string[]): string[] {
  return words.filter((word, i) => !has(words.slice(0, i), word));
}

export type State = "running" | "next boot" | "missing" | "too much";

export interface Row {
  word: string;
  state: State;
  /** Words of the same name that run here, for one that does not. */
  instead: string[];
}

export interface Lists {
  /** What the image asks for. */
  image: string[];
  /** What the image that is booted brought along; equal to `image` where it is that one. */
  before: string[];
  /** /proc/cmdline. */
  running: string[];
  /** What the next boot gets. */
  configured: string[];
}

/** What differs, as bootc would see it: what an image no longer asks for goes, what the machine itself has stays. */
export function compare({ image, before, running, configured }: Lists): Row[] {
  const wanted = once(image).map((word): Row => {
    if (!has(configured, word)) {
      const instead = configured.filter((other) => nameOf(other) === nameOf(word) && !has(image, other));
      return { word, state: "missing", instead };
    }
    return { word, state: has(running, word) ? "running" : "next boot", instead: [] };
  });
  const dropped = once(before).filter((word) => !has(image, word) && has(configured, word));
  return [...wanted, ...dropped.map((word): Row => ({ word, state: "too much", instead: [] }))];
}

export interface Difference {
  add: string[];
  drop: string[];
}

export function difference(rows: Row[]): Difference {
  const words = (state: State) => rows.filter((row) => row.state === state).map((row) => row.word);
  return { add: words("missing"), drop: words("too much") };
}

export interface Change extends Difference {
  /** A word of the machine's own that stays behind all that is added. */
  last?: string | undefined;
}

/**
 * The console of the machine's own that an image's would follow. The kernel makes the last `console=` its /dev/console, so an added
 * one would take that from the machine.
 * @returns undefined where no console is added, or where the last one is an image's already
 */
export function ownConsole({ image, before, configured }: Lists, { add }: Difference): string | undefined {
  const last = configured.findLast(isConsole);
  const isOwn = last !== undefined && !has(before, last) && !has(image, last);
  return isOwn && add.some(isConsole) ? last : undefined;
}

/** Words that the boot loader and ostree add by themselves at every boot. */
const added = /^(BOOT_IMAGE|initrd|ostree)=/;

/** The whole list for the next boot: what is there but for what goes, then what is new, then what stays last. */
export function wholeList(configured: string[], { add, drop, last }: Change): string[] {
  const end = last === undefined ? [] : [last];
  return [...configured.filter((word) => !added.test(word) && !has([...drop, ...end], word)), ...add, ...end];
}

/** Arguments by which a boot finds its system; the last of each counts. They are the machine's: an image must not change them. */
const finding = ["root", "ostree"];

/**
 * What a change would do to the words that find the system.
 * @returns a sentence; undefined where it does nothing to them
 */
export function systemLost(running: string[], configured: string[], { add, drop }: Difference): string | undefined {
  const result = [...configured.filter((word) => !has(drop, word)), ...add];
  for (const name of finding) {
    const last = (words: string[]) => words.findLast((word) => nameOf(word) === name);
    const before = last(configured);
    const after = last(result);
    if (after === undefined) {
      // The boot loader adds ostree= at every boot, so a list may lack it. A list that lacks the root= of the running system is
      // wrong.
      const lost = before ?? (name === "root" ? last(running) : undefined);
      if (lost !== undefined) return `${lost} would be lost`;
    } else if (before === undefined ? name === "ostree" : sameWord(before) !== sameWord(after))
      return `${after} would take the place of ${before ?? "what the boot loader adds"}`;
  }
  return undefined;
}
