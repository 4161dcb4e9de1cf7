import { filesAt } from "./context-files.ts";
import { contextUse } from "./context-use.ts";
import { linesOf, parseContainerfile } from "./instructions.ts";

/** Which files of the context are left out. */
export const ignoreFiles = [".containerignore", ".dockerignore"];

/** What the Containerfile copies or mounts from the build context: paths from the project's root. */
export function contextPaths(containerfile: string, args: Record<string, string> = {}): string[] {
  const uses = contextUse(parseContainerfile(linesOf(containerfile)), args);
  return [...new Set(uses.flatMap(({ paths }) => paths))].sort();
}

/**
 * All that podman reads for a Containerfile: its text, its arguments and the files that it takes from the project.
 * @param args `--build-arg` values, the refresh stamp among them
 */
export function* inputParts(
  root: string,
  containerfile: string,
  args: Record<string, string>,
): Generator<string | Uint8Array> {
  yield JSON.stringify(Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1)));
  yield containerfile;
  const paths = contextPaths(containerfile, args);
  for (const path of paths.length ? [...ignoreFiles, ...paths] : []) yield* filesAt(root, path);
}
