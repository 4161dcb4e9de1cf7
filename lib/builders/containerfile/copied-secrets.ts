import { join, relative } from "node:path";
import { readProjectFile } from "../../family/project-file.ts";
import { type Hit, hits, type Subject } from "./check.ts";
import { contextFolder } from "./context-folder.ts";
import { contextUse, folderOf } from "./context-use.ts";
import { ignoreFiles } from "./inputs.ts";

/** Whether a path is another one or in it. */
const isIn = (path: string, folder: string) => folder === "." || `${path}/`.startsWith(`${folder}/`);

/**
 * Whether the context's list of left out files surely leaves one out: by its own name or a folder's, without patterns. Where the list
 * takes something back, nobody knows without reading it as podman does.
 */
function isLeftOut(path: string, context: string): boolean {
  const texts = ignoreFiles.map((name) => readProjectFile(context, name)).flatMap((r) => ("text" in r ? [r.text] : []));
  const lines = (texts[0] ?? "").split("\n").map((line) => line.trim().replaceAll(/^\/|\/$/g, ""));
  return !lines.some((l) => l.startsWith("!")) && lines.some((l) => l !== "" && !l.startsWith("#") && isIn(path, l));
}

/** COPY and ADD of a file that is a secret of the build: every layer that they make has it. */
export function copiedSecrets(subject: Subject): Hit[] {
  const { target, family } = subject;
  const { secrets = {}, args = {} } = target.flavor.containerfile ?? {};
  const context = contextFolder(target, family);
  const paths = Object.values(secrets)
    .flatMap((from) =>
      "file" in from && !/^[~/]/.test(from.file) ? [relative(context, join(family.root, from.file))] : [],
    )
    .filter((path) => !path.startsWith("..") && !isLeftOut(path, context));
  return contextUse(subject, args)
    .filter(({ at }) => at.keyword === "COPY" || at.keyword === "ADD")
    .flatMap(({ at, paths: taken }) =>
      hits(
        at,
        paths
          .filter((path) => taken.some((one) => isIn(path, folderOf(one))))
          .map((path) => `${at.keyword} takes the secret ${path}`),
      ),
    );
}
