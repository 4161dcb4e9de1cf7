import { Lexer, Parser } from "yaml";

/** Lines of a YAML file: our largest flavor has 400. Lines in quotes take the square of their number. */
const mostLines = 5_000;

/** Words, signs, blanks and line ends: our largest flavor has 5,500. Comparing keys takes the square of their number. */
const mostTokens = 20_000;

/** Values, those that aliases repeat counted each time: our largest flavor has 800. */
const mostValues = 20_000;

/** Lists and maps inside each other: a good file has six. The reader calls itself for each level. */
const mostLevels = 32;

/** What the parser's stack holds for a level: the collection, and an element of it. */
const stackPerLevel = 2;

/**
 * The place from which a YAML text is too large or too deep to be read, and why. Only the parser's flat first pass runs here:
 * it neither calls itself nor compares keys.
 */
export function beyondLimits(text: string): { offset: number; message: string; expected: string } | undefined {
  const lines = text
    .matchAll(/\n/g)
    .drop(mostLines - 1)
    .next();
  if (!lines.done)
    return { offset: lines.value.index, message: "the file is too large", expected: `at most ${mostLines} lines` };
  const parser = new Parser();
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const { offset } = parser;
    // What it yields is a finished document; only its stack is looked at.
    for (const _ of parser.next(lexeme));
    if (++tokens > mostTokens)
      return { offset, message: "the file is too large", expected: `at most ${mostTokens} words and signs of YAML` };
    if (parser.stack.length > mostLevels * stackPerLevel)
      return { offset, message: "nested too deep", expected: `at most ${mostLevels} levels` };
  }
  return undefined;
}

/** Whether a value has too many values in it, as aliases can make it; a value inside itself has no end. */
export function isTooMuch(value: unknown): boolean {
  const waiting = [value];
  for (let seen = 0; waiting.length > 0; seen++) {
    if (seen > mostValues) return true;
    const next = waiting.pop();
    if (typeof next === "object" && next !== null) for (const inner of Object.values(next)) waiting.push(inner);
  }
  return false;
}
