import { exit, Failure } from "../system/errors.ts";
import { warn } from "../system/output.ts";
import { statePath } from "../system/project.ts";
import { hideSecrets } from "../system/secrets.ts";
import { type Outcome, quote, type RunOptions, run } from "../system/shell.ts";
import { podmanBuild } from "../tools/leftovers.ts";
import { podman, podmanEnv } from "../tools/podman.ts";
import { tools } from "../tools/tool-table.ts";
import { tool } from "../tools/tools.ts";

/**
 * `$` of maintainers' scripts, written as in zx: $`podman tag ${image} ${name}`. A value is one word, however it looks; a list
 * is several. Programs run as those of our own commands do: what they say is in the log, secrets are hidden, Ctrl-C ends them,
 * podman has the settings that this machine needs, and a tool that the machine lacks comes from the toolbox.
 */

type Value = string | number | boolean | readonly (string | number)[];

/** How `script` sets `$` up. */
export const shellOfScript: { dryRun: boolean; log: string | undefined } = { dryRun: false, log: undefined };

/** A command as it can be pasted, and its words where no shell is needed to read it. */
export interface Line {
  text: string;
  argv?: string[];
}

/** Text in which a shell would find nothing but words. */
const isPlain = /^[\w@%+=:,./ \t-]*$/;

const listOf = (value: Value): string[] => (Array.isArray(value) ? value : [value]).map(String);

/** Pure: the words of a template without quotes, pipes and the like. */
function wordsOf(texts: readonly string[], values: readonly Value[]): string[] {
  const words: string[] = [];
  let open: string | undefined;
  const close = () => {
    if (open !== undefined) words.push(open);
    open = undefined;
  };
  for (const [i, text] of texts.entries()) {
    for (const piece of text.match(/\s+|\S+/g) ?? [])
      if (piece.trim()) open = (open ?? "") + piece;
      else close();
    const value = values[i];
    if (value === undefined) continue;
    const [first, ...more] = listOf(value);
    if (first !== undefined) open = (open ?? "") + first;
    for (const word of more) {
      close();
      open = word;
    }
  }
  close();
  return words;
}

/** Whether a text ends inside of quotes that it, or a text before it, opens. A backslash takes the meaning of what follows. */
function endsInQuotes(text: string): boolean {
  let open = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? "";
    if (c === "\\" && open !== "'") i++;
    else if (open) open = c === open ? "" : open;
    else if (/["'`]/.test(c)) open = c;
  }
  return open !== "";
}

/** @throws Failure for a value inside of quotes: a shell would read what is in it, such as `$(…)` */
function refuseQuoted(texts: readonly string[]): void {
  const before = texts.slice(0, -1).map((_, i) => texts.slice(0, i + 1).join("x"));
  if (before.some(endsInQuotes))
    throw new Failure(exit.usage, `a value stands inside of quotes: ${texts.join("${…}").trim()}`, {
      next: "leave the quotes out: a value is one word, however it looks",
    });
}

/** Pure: the command of a template. @throws Failure for a value inside of quotes */
export function lineOf(texts: readonly string[], values: readonly Value[]): Line {
  refuseQuoted(texts);
  const inserted = values.map((value) => listOf(value).map(quote).join(" "));
  const text = texts
    .map((one, i) => one + (inserted[i] ?? ""))
    .join("")
    .trim();
  const [first = "", ...more] = texts;
  const trimmed = [first.trimStart(), ...more];
  trimmed.push((trimmed.pop() ?? "").trimEnd());
  if (!trimmed.every((one) => isPlain.test(one))) return { text };
  const argv = wordsOf(trimmed, values);
  // `NAME=value program` is a shell's way to set a variable
  return argv[0]?.includes("=") ? { text } : { text, argv };
}

async function start({ text, argv }: Line, options: RunOptions): Promise<Outcome> {
  const [program = "", ...args] = argv ?? [];
  if (!argv) {
    const env = /\bpodman\b/.test(text) ? await podmanEnv() : {};
    return run(["bash", "-euo", "pipefail", "-c", text], { ...options, env });
  }
  if (program === "podman" && args[0] === "build") return podmanBuild(args.slice(1), options);
  if (program === "podman") return podman(args, options);
  const words = tools.some((one) => one.name === program) ? await tool(program) : [program];
  return run([...words, ...args], options);
}

/** @throws Failure with what the program said last */
async function must(line: Line): Promise<Outcome> {
  const { log } = shellOfScript;
  const outcome = await start(line, log === undefined ? {} : { log });
  if (outcome.code === 0) return outcome;
  const said = outcome.said.trim().split("\n").slice(-5).filter(Boolean);
  throw new Failure(exit.failed, `${hideSecrets(line.text)}: exit code ${outcome.code}`, {
    tried: said,
    ...(log === undefined ? {} : { log }),
  });
}

/** A command that changes something; a dry run only shows it. @throws Failure where it does not end with 0 */
async function change(texts: TemplateStringsArray, ...values: Value[]): Promise<Outcome> {
  const line = lineOf(texts, values);
  if (!shellOfScript.dryRun) return must(line);
  warn(`+ ${hideSecrets(line.text)}`);
  return { code: 0, stdout: "", stderr: "", said: "" };
}

/** A question, by which nothing changes: it is asked in a dry run too. @returns what the program printed, without line ends around it */
async function read(texts: TemplateStringsArray, ...values: Value[]): Promise<string> {
  return (await must(lineOf(texts, values))).stdout.trim();
}

export const $ = Object.assign(change, { read });

/** Everything that the script's programs say goes to this log. */
export function logOfScript(name: string): string {
  return statePath("logs", `${name}.log`);
}
