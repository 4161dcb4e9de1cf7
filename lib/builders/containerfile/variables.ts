import { type Containerfile, type Instruction, pairs } from "./instructions.ts";

/** The variables of a Containerfile: what ARG and ENV say, and a word with them filled in. */

/** Names and values at one place of a Containerfile. */
export interface Scope {
  args: Map<string, string | undefined>;
  /** These win over ARGs of the same name. */
  env: Map<string, string | undefined>;
}

const variable = /^\$(?:(\w+)|\{(\w+)(?:(:[-+])([^${}'"]*))?\})/;

/**
 * A word without quotes, its variables filled in.
 * @returns undefined where a variable has no value here: the base image may have set it. Also for forms that only shells know.
 */
export function fillIn(word: string, { args, env }: Scope, escapeSign: string): string | undefined {
  let filled = "";
  let quote = "";
  for (let i = 0; i < word.length; i++) {
    const c = word[i] ?? "";
    if (c === quote) quote = "";
    else if (!quote && (c === "'" || c === '"')) quote = c;
    else if (c === escapeSign && quote !== "'") filled += word[++i] ?? "";
    else if (c !== "$" || quote === "'") filled += c;
    else {
      const [all, plain, braced, operator, other = ""] = variable.exec(word.slice(i)) ?? [];
      const name = plain ?? braced;
      if (all === undefined || name === undefined) return undefined;
      const value = env.has(name) ? env.get(name) : args.get(name);
      // Where the value is not known, nobody knows whether the other one counts.
      if (value === undefined) return undefined;
      if (operator === ":+") filled += value ? other : "";
      else filled += value || (operator === ":-" ? other : "");
      i += all.length - 1;
    }
  }
  return quote ? undefined : filled;
}

/** podman sets these by itself where an ARG asks for them. */
const builtIn = /^(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)$/;

/** The names of a Containerfile's ARGs. */
export function argNames({ instructions }: Containerfile): string[] {
  return instructions.filter((at) => at.keyword === "ARG").flatMap((at) => pairs(at).map(([name]) => name));
}

/** What ARGs before the first FROM say, which FROM sees. @param given build arguments */
export function globalScope(file: Containerfile, given: Record<string, string>): Scope {
  const scope: Scope = { args: new Map(), env: new Map() };
  for (const at of file.instructions.filter(({ keyword, stage }) => keyword === "ARG" && stage < 0))
    for (const [name, value] of pairs(at))
      scope.args.set(name, given[name] ?? (value === undefined ? undefined : fillIn(value, scope, file.escapeSign)));
  return scope;
}

/**
 * By instruction what variables it sees. A stage has its own ARGs, and the ENVs of the stage that it is based on.
 * @param given build arguments. @param stageOf the stage that a stage is based on, -1 for an image
 */
export function scopes(
  file: Containerfile,
  given: Record<string, string>,
  stageOf: (stage: number) => number,
): Map<Instruction, Scope> {
  const seen = new Map<Instruction, Scope>();
  const last = new Map<number, Scope>();
  const global: Scope = { args: new Map(), env: new Map() };
  for (const at of file.instructions) {
    const below = at.stage < 0 ? global : last.get(stageOf(at.stage));
    const scope = last.get(at.stage) ?? (at.stage < 0 ? global : { args: new Map(), env: new Map(below?.env ?? []) });
    seen.set(at, { args: new Map(scope.args), env: new Map(scope.env) });
    last.set(at.stage, scope);
    const fill = (value: string | undefined) =>
      value === undefined ? undefined : fillIn(value, scope, file.escapeSign);
    if (at.keyword === "ENV") for (const [name, value] of pairs(at)) scope.env.set(name, fill(value));
    if (at.keyword === "ARG")
      for (const [name, value] of pairs(at)) {
        const usual = value === undefined ? global.args.get(name) : fill(value);
        scope.args.set(name, given[name] ?? (builtIn.test(name) ? undefined : usual));
      }
  }
  return seen;
}
