import { isCompiled } from "../system/project.ts";
import { findCommand } from "./commands.ts";

/** How the reader calls commands: `./run` where that brought its own Bun, which is not on the PATH. */
const way = process.env.SLIPWAY_RUN;

/** A text with its commands as the reader has to type them: `bun run update` is `guaraos-update` where that is installed. */
export function asTyped(text: string): string {
  if (isCompiled)
    return text.replaceAll(/bun run ([a-z-]+)/g, (all, name: string) => findCommand(name)?.installed?.[0] ?? all);
  return way ? text.replaceAll("bun run ", `${way} `) : text;
}
