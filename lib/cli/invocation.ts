import { isCompiled, isPackage } from "../system/project.ts";
import { findCommand } from "./commands.ts";

/** How the reader calls commands: `./run` where that brought its own Bun, which is not on the PATH. */
const way = process.env.SLIPWAY_RUN;

/** A text with its commands as the reader has to type them: `bun run update` is `guaraos-update` where that is installed. */
export function asTyped(text: string): string {
  if (isCompiled)
    return text.replaceAll(/bun run ([a-z-]+)/g, (all, name: string) => findCommand(name)?.installed?.[0] ?? all);
  return way ? text.replaceAll("bun run ", `${way} `) : text;
}

/** A text of a file that a project keeps, with its commands as a package has them: whoever reads it may start them in another way. */
export function asWritten(text: string): string {
  return isPackage ? text.replaceAll("bun run ", "slipway ") : text;
}
