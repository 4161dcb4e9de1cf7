import { compiledNames } from "../system/machine-names.ts";

/** How the reader calls commands: `./run` where that brought its own Bun, which is not on the PATH. */
const way = process.env.SLIPWAY_RUN;

/** A text with its commands as the reader has to type them: `bun run update` is `NAME-update` in the program of people's machines. */
export function asTyped(text: string): string {
  if (compiledNames)
    return text.replaceAll(/bun run ([a-z-]+)/g, (all, name: string) => compiledNames?.commands[name]?.[0] ?? all);
  return way ? text.replaceAll("bun run ", `${way} `) : text;
}
