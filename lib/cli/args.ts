import { parseArgs } from "node:util";
import { exit, Failure } from "../system/errors.ts";
import { didYouMean } from "../system/nearest.ts";
import { table } from "../system/output.ts";
import type { Command, Option } from "./commands/row.ts";
import { asTyped } from "./invocation.ts";

export interface Arguments {
  words: string[];
  /** What stands after `--`: a command line of its own. */
  rest: string[];
  /** True for a switch that was given. */
  has(name: string): boolean;
  /** The value of an option, if it was given; of several the last. */
  value(name: string): string | undefined;
  /** Every value of an option that may be given several times, in order. */
  values(name: string): string[];
  /** The value of an option that counts something: a whole number from 1 up. */
  count(name: string, otherwise: number): number;
}

/** Options that every command takes. */
export const everywhere: Option[] = [
  { name: "help", short: "h", summary: "this text" },
  { name: "quiet", short: "q", summary: "say nothing but the result and what is wrong" },
  { name: "verbose", short: "v", summary: "show what the tools say too" },
  { name: "version", summary: "the version of Slipway" },
];

/**
 * Reads a command line against the command's row of the table.
 * @throws Failure (usage) for an unknown option, a missing or unwanted value or too many words.
 */
export function readArguments(command: Command, argv: string[]): Arguments {
  const options = [...command.options, ...everywhere];
  const spec = Object.fromEntries(
    options.map((o) => [
      o.name,
      { type: o.value ? ("string" as const) : ("boolean" as const), ...(o.short ? { short: o.short } : {}) },
    ]),
  );
  const { tokens } = parseArgs({ args: argv, options: spec, strict: false, allowPositionals: true, tokens: true });
  const words: string[] = [];
  const rest: string[] = [];
  const given = new Map<string, string[]>();
  let ended = false;
  const usage = { next: `bun run ${command.name} --help` };
  for (const token of tokens) {
    if (token.kind === "option-terminator") ended = true;
    if (token.kind === "positional") (ended && command.rest ? rest : words).push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(spec, token.name) ? spec[token.name] : undefined;
    if (!option) {
      const names = options.flatMap((o) => [...(o.short ? [`-${o.short}`] : []), `--${o.name}`]);
      throw new Failure(
        exit.usage,
        `${command.name}: unknown option ${token.rawName}${didYouMean(token.rawName, names)}`,
        {
          choices: [`the options of ${command.name}: ${names.join(" ")}`],
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
    given.set(token.name, [...(given.get(token.name) ?? []), token.value ?? ""]);
  }
  const most = command.args.some((a) => a.many) ? Infinity : command.args.length;
  if (words.length > most) throw new Failure(exit.usage, `${command.name}: unexpected word \`${words[most]}\``, usage);
  const count = (name: string, otherwise: number) => {
    const text = given.get(name)?.at(-1) ?? String(otherwise);
    if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
    throw new Failure(exit.usage, `${command.name}: --${name} takes a whole number from 1 up, not \`${text}\``, usage);
  };
  return {
    words,
    rest,
    has: (name) => given.has(name),
    value: (name) => given.get(name)?.at(-1),
    values: (name) => given.get(name) ?? [],
    count,
  };
}

/** How a command is called: `bun run push [arch] [flavor…]`. @param options such as `[options]`, where they go */
export function usage({ name, args, rest }: Command, ...options: string[]): string {
  const words = args.map((a) => (a.many ? `[${a.name}…]` : `[${a.name}]`));
  return ["bun run", name, ...words, ...options, ...(rest ? [`[-- ${rest}]`] : [])].join(" ");
}

/** One command's help: usage, what it does, options, an example. */
export function help(command: Command): string {
  const rows = [...command.options, ...everywhere].map((o) => [
    `  ${o.short ? `-${o.short}, ` : ""}--${o.name}${o.value ? ` ${o.value}` : ""}`,
    o.summary,
  ]);
  const lines = [
    usage(command, "[options]"),
    `  ${command.summary}`,
    "",
    table(rows),
    "",
    `example: ${command.example}`,
  ];
  return asTyped(lines.join("\n"));
}
