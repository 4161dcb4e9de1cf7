import { exit, Failure } from "../system/errors.ts";
import { canAsk, isTerminal, say, visible } from "../system/output.ts";
import { withLineKeys } from "./line-keys.ts";

export interface Choice {
  value: string;
  title: string;
  selected?: boolean;
  /** It is shown, and cannot be taken. */
  disabled?: boolean;
}

export { canAsk };

/** What a question answers when it is left with Ctrl-C or Escape. */
function abandoned(): never {
  throw new Failure(exit.interrupted, "cancelled at a question");
}

/** A question in the library's form, as far as it is looked at here. */
interface Question {
  message: string;
  choices?: Choice[];
  [option: string]: unknown;
}

/** A question that the library shows; what it shows comes from the manifest too. */
async function ask(question: Question): Promise<unknown> {
  const { default: prompts } = await import("prompts");
  const choices = question.choices?.map((choice) => ({ ...choice, title: visible(choice.title) }));
  const shown = { ...question, message: visible(question.message), ...(choices ? { choices } : {}) };
  const answers = await prompts({ name: "answer", stdout: process.stderr, ...shown } as never, {
    onCancel: abandoned,
  });
  return (answers as { answer: unknown }).answer;
}

/** One of several; `selected` marks the default. */
export async function chooseOne(message: string, choices: Choice[]): Promise<string> {
  const initial = Math.max(
    0,
    choices.findIndex((c) => c.selected),
  );
  return String(
    await ask({
      type: "select",
      message,
      choices: choices.map(({ value, title }) => ({ value, title })),
      initial,
      hint: "arrows move, Enter confirms",
    }),
  );
}

/**
 * Several of several, at least one; a long list scrolls.
 * @param taken what is said of those that cannot be taken.
 */
export async function chooseMany(message: string, choices: Choice[], taken?: string): Promise<string[]> {
  const answer = await ask({
    type: "multiselect",
    message,
    choices,
    min: 1,
    instructions: false,
    hint: choices.length > 10 ? "space selects, a selects all, Enter confirms" : "space selects, Enter confirms",
    optionsPerPage: Math.max(10, (process.stderr.rows ?? 24) - 6),
    cursor: Math.max(
      0,
      choices.findIndex((c) => !c.disabled),
    ),
    ...(taken === undefined ? {} : { warn: `- ${taken} -` }),
  });
  return Array.isArray(answer) ? answer.map(String) : abandoned();
}

/** A line of text; `check` answers what is wrong with it, or undefined. */
export async function askText(
  message: string,
  initial: string,
  check: (text: string) => string | undefined,
): Promise<string> {
  return String(
    await ask({
      type: "text",
      message,
      initial,
      onRender: withLineKeys,
      validate: (text: string) => check(text) ?? true,
    }),
  );
}

/** Yes or no. Without a terminal the answer is `otherwise`, and it is said. */
export async function confirm(message: string, otherwise: boolean): Promise<boolean> {
  if (canAsk) return Boolean(await ask({ type: "confirm", message, initial: otherwise }));
  if (isTerminal) say(`${message} ${otherwise ? "yes" : "no"}`);
  return otherwise;
}

/** Something that is not shown while it is typed. */
export async function askSecret(message: string): Promise<string> {
  return String(await ask({ type: "password", message, onRender: withLineKeys }));
}
