import { everywhere } from "./args.ts";
import type { Command, Option, WordKind } from "./commands/row.ts";
import { commands } from "./commands.ts";
import { ownCommands } from "./own-commands.ts";

/**
 * What may follow on a command line. The shells only pass the line on and show the answer, so that all three know the
 * same, and an edited manifest is known at the next press of the key.
 */

export interface Candidate {
  word: string;
  summary: string;
}

/** The words of a kind. @param before the positional words before it, the one that is being typed last. */
export type Lookup = (kind: WordKind, before: string[]) => Candidate[] | Promise<Candidate[]>;

/** A line read up to its last word. */
interface Read {
  positional: string[];
  given: Set<string>;
  /** The option whose value comes next. */
  waiting: Option | undefined;
}

function options(command: Command): Option[] {
  return [...command.options, ...everywhere];
}

function read(command: Command, words: string[]): Read {
  const state: Read = { positional: [], given: new Set(), waiting: undefined };
  for (const word of words) {
    if (state.waiting) state.waiting = undefined;
    else if (word.startsWith("-")) {
      state.given.add(word);
      state.waiting = options(command).find((o) => `--${o.name}` === word && o.value);
    } else state.positional.push(word);
  }
  return state;
}

/**
 * @param line what stands after `./run` or `bun run`, up to the cursor; a space at its end begins a new word.
 * @returns the words that fit there.
 */
export async function complete(line: string, lookup: Lookup): Promise<Candidate[]> {
  const [name = "", ...words] = line.trimStart().split(/\s+/);
  const typed = words.pop();
  const fitting = (all: Candidate[], start: string) => all.filter(({ word }) => word.startsWith(start));
  const all = [...commands, ...ownCommands()];
  if (typed === undefined)
    return fitting(
      all.map((c) => ({ word: c.name, summary: c.summary })),
      name,
    );
  const command = all.find((c) => c.name === name);
  if (!command) return [];
  const { positional, given, waiting } = read(command, words);
  if (!waiting && typed.startsWith("-")) {
    const left = options(command).map((o) => ({ word: `--${o.name}`, summary: o.summary }));
    return fitting(
      left.filter(({ word }) => !given.has(word)),
      typed,
    );
  }
  const arg = command.args[positional.length] ?? command.args.findLast((a) => a.many);
  const kind = waiting ? waiting.words : arg?.words;
  if (kind === undefined) return [];
  const found = await lookup(kind, [...positional, typed]);
  return fitting(
    found.filter(({ word }) => waiting || !positional.includes(word)),
    typed,
  );
}
