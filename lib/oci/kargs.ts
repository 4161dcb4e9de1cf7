import { exit, Failure } from "../system/errors.ts";

/**
 * Kernel arguments as words, and the files of an image that ask for some: `/usr/lib/bootc/kargs.d/NAME.toml`.
 *
 * The words are told apart as the kernel does it: white space divides them except between double quotes, `-` and `_` in a name
 * are the same, and what follows `--` is init's.
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

export const isConsole = (word: string) => nameOf(word) === "console";

/** `ttyS0` of `console=ttyS0,115200`. */
const deviceOf = (word: string) => sameWord(word).slice("console=".length).replace(/,.*$/s, "");

/**
 * The consoles of ours that others do not name. They go before the others' words: the kernel makes the last `console=` its
 * /dev/console, and takes a device's speed from the first word that names it.
 * Source: the kernel's __add_preferred_console.
 */
export function consolesBefore(ours: string[], others: string[]): string[] {
  const named = new Set(others.filter(isConsole).map(deviceOf));
  return ours.filter((word) => !named.has(deviceOf(word)));
}

export const kargsFolder = "/usr/lib/bootc/kargs.d";

/** More than any list needs: the kernel takes 4096 bytes at most. */
export const mostOfKargsFile = 256_000;

/** Which names of the folder count. Source: bootc's bootc_kargs.rs; a name that is only `.toml` has no such ending there. */
export const isKargsFile = (name: string) => /[^/]\.toml$/s.test(name);

/** The keys of such a file. bootc refuses any other, and a file without `kargs`. */
export const kargsKeys = ["kargs", "match-architectures"];

/** Architectures as bootc names them. */
const archNames: Record<string, string> = { x64: "x86_64", arm64: "aarch64" };

/** An error about a file of kargs.d, or about the folder itself. */
export function kargsFailure(file: string, what: string): Failure {
  return new Failure(exit.failed, `${file}: ${what}`, {
    tried: [`${kargsFolder} as bootc reads it`],
    next: 'kargs.d must be a folder of regular files NAME.toml; each holds `kargs = ["…"]` and, if wanted, match-architectures',
  });
}

/** The text of such a file. @throws Failure where it is not UTF-8, which bootc does not read either */
export function kargsText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw kargsFailure(file, "it is not UTF-8");
  }
}

/**
 * The arguments of one file of kargs.d, for this machine's architecture.
 * @throws Failure for what bootc would not take either
 */
export function parseKargsFile(text: string, file: string, arch = archNames[process.arch] ?? process.arch): string[] {
  let value: Record<string, unknown>;
  try {
    value = Bun.TOML.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw kargsFailure(file, error instanceof Error ? error.message : String(error));
  }
  const stranger = Object.keys(value).find((key) => !kargsKeys.includes(key));
  if (stranger !== undefined) throw kargsFailure(file, `bootc knows no key \`${stranger}\``);
  if (value.kargs === undefined) throw kargsFailure(file, "it has no `kargs`");
  const list = (key: string): string[] => {
    const found = value[key];
    if (Array.isArray(found) && found.every((word) => typeof word === "string")) return found;
    throw kargsFailure(file, `\`${key}\` is no list of strings`);
  };
  // bootc joins the list before it looks for words; an empty list of architectures is none at all
  const words = splitArguments(list("kargs").join(" "));
  const arches = value["match-architectures"] === undefined ? [arch] : list("match-architectures");
  return arches.includes(arch) ? words : [];
}

/** Texts by name → their arguments, in the order of the names' bytes. @throws Failure */
export function imageArguments(files: Record<string, string>, arch?: string): string[] {
  const names = Object.keys(files).filter(isKargsFile);
  const sorted = names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return sorted.flatMap((name) => parseKargsFile(files[name] ?? "", name, arch));
}
