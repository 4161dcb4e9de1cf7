import { exit, Failure } from "../cli/errors.ts";

/**
 * Kernel arguments as lists of words, and how two lists differ.
 *
 * The words are told apart as the kernel does it: white space divides them except between double quotes, `-` and `_` in a name
 * are the same, and what follows `--` is init's. A name may stand several times (`console=`), so words are compared whole; the
 * order of an image's words is kept, because of two with the same name the later one usually counts.
 */

/** Source: the kernel's parse_args and next_arg. */
export function splitArguments(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let quoted = false;
  for (const c of `${text} `) {
    if (c === '"') quoted = !quoted;
    if (quoted || !/\s/.test(c)) {
      word += c;
      continue;
    }
    if (word === "--") break;
    if (word) words.push(word);
    word = "";
  }
  // A quotation mark without its fellow reaches to the end.
  if (quoted) words.push(word.trimEnd());
  return words;
}

/** One spelling for words that the kernel reads alike: `"a-b=c d"` and `a_b="c d"`. */
export function sameWord(word: string): string {
  const bare = word.replaceAll('"', "");
  const at = bare.indexOf("=");
  const name = (at < 0 ? bare : bare.slice(0, at)).replaceAll("-", "_");
  return at < 0 ? name : `${name}${bare.slice(at)}`;
}

export function nameOf(word: string): string {
  return sameWord(word).replace(/=.*$/s, "");
}

function has(words: string[], word: string): boolean {
  return words.some((other) => sameWord(other) === sameWord(word));
}

/** Words without repeats, the first of each kept. */
function once(words: string[]): string[] {
  return words.filter((word, i) => !has(words.slice(0, i), word));
}

/** Architectures as bootc names them. */
const archNames: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

/**
 * The arguments of one file of kargs.d, for this machine's architecture.
 * @throws Failure for what bootc would not take either
 */
export function parseKargsFile(text: string, file: string, arch = archNames[process.arch] ?? process.arch): string[] {
  const broken = (what: string) =>
    new Failure(exit.failed, `${file}: ${what}`, {
      next: 'it holds `kargs = ["…"]` and, if wanted, match-architectures',
    });
  let value: Record<string, unknown>;
  try {
    value = Bun.TOML.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw broken(error instanceof Error ? error.message : String(error));
  }
  const stranger = Object.keys(value).find((key) => key !== "kargs" && key !== "match-architectures");
  if (stranger !== undefined) throw broken(`bootc knows no key \`${stranger}\``);
  const list = (key: string): string[] => {
    const found = value[key] ?? [];
    if (Array.isArray(found) && found.every((word) => typeof word === "string")) return found;
    throw broken(`\`${key}\` is no list of strings`);
  };
  const arches = list("match-architectures");
  const words = list("kargs").flatMap(splitArguments);
  return arches.length === 0 || arches.includes(arch) ? words : [];
}

/** All files of a kargs.d, in the order of their names. */
export function imageArguments(files: Record<string, string>): string[] {
  const names = Object.keys(files).filter((name) => name.endsWith(".toml"));
  return names.sort().flatMap((name) => parseKargsFile(files[name] ?? "", name));
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

/** Words that the boot loader and ostree add by themselves at every boot. */
const added = /^(BOOT_IMAGE|initrd|ostree)=/;

/** The whole list for the next boot: what is there but for what goes, then what is new. */
export function wholeList(configured: string[], { add, drop }: Difference): string[] {
  return [...configured.filter((word) => !added.test(word) && !has(drop, word)), ...add];
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
