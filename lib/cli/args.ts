import { parseArgs } from "node:util";
import type { Command } from "./commands.ts";
import { exit, Failure } from "./errors.ts";
import { didYouMean } from "./nearest.ts";

export interface Arguments {
  words: string[];
  /** True for a switch that was given. */
  has(name: string): boolean;
  /** The value of an option, if it was given. */
  value(name: string): string | undefined;
  /** The value of an option that counts something: a whole number from 1 up. */
  count(name: string, otherwise: number): number;
}

/** Options that every command takes. */
export const everywhere = [{ name: "help", summary: "this text" }];

/**
 * Reads a command line against the command's row of the table.
 * @throws Failure (usage) for an unknown option, a missing or unwanted value or too many words.
 */
export function readArguments(command: Command, argv: string[]): Arguments {
  const options = [...command.options, ...everywhere];
  const spec = Object.fromEntries(
    options.map((o) => [o.name, { type: "value" in o && o.value ? ("string" as const) : ("boolean" as const) }]),
  );
  const { tokens } = parseArgs({ args: argv, options: spec, strict: false, allowPositionals: true, tokens: true });
  const words: string[] = [];
  const given = new Map<string, string>();
  const usage = { next: `bun run ${command.name} --help` };
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(spec, token.name) ? spec[token.name] : undefined;
    if (!option) {
      const names = options.map((o) => `--${o.name}`);
      throw new Failure(
        exit.usage,
        `${command.name}: unknown option ${token.rawName}${didYouMean(token.rawName, names)}`,
        {
          tried: [`the options of ${command.name}: ${names.join(" ")}`],
          ...usage,
        },
      );
    }
    // `--title --json`: the next option is no value, unless it is written `--title=--json`.
    const swallowed = !token.inlineValue && token.value?.startsWith("--");
    if (option.type === "string" && (!token.value || swallowed))
      throw new Failure(exit.usage, `${command.name}: ${token.rawName} needs a value`, usage);
    if (option.type === "boolean" && token.value !== undefined)
      throw new Failure(exit.usage, `${command.name}: ${token.rawName} takes no value`, usage);
    given.set(token.name, token.value ?? "");
  }
  const most = command.args.some((a) => a.many) ? Infinity : command.args.length;
  if (words.length > most) throw new Failure(exit.usage, `${command.name}: unexpected word \`${words[most]}\``, usage);
  const count = (name: string, otherwise: number) => {
    const text = given.get(name) ?? String(otherwise);
    if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
    throw new Failure(exit.usage, `${command.name}: --${name} takes a whole number from 1 up, not \`${text}\``, usage);
  };
  return { words, has: (name) => given.has(name), value: (name) => given.get(name), count };
}

/** One command's help: usage, what it does, options, an example. */
export function help(command: Command): string {
  const words = command.args.map((a) => (a.many ? `[${a.name}…]` : `[${a.name}]`));
  const rows = [...command.options, ...everywhere].map((o) => [
    `--${o.name}${"value" in o && o.value ? ` ${o.value}` : ""}`,
    o.summary,
  ]);
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return [
    `${["bun run", command.name, ...words, "[options]"].join(" ")}`,
    `  ${command.summary}`,
    "",
    ...rows.map(([left = "", right = ""]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    `example: ${command.example}`,
  ].join("\n");
}
