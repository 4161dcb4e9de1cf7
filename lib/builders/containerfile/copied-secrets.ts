import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { readProjectFile } from "../../family/project-file.ts";
import { recipeFile } from "../../family/recipe.ts";
import { exit, Failure } from "../../system/errors.ts";
import { privateKeyFile } from "../../trust/key.ts";
import { type Hit, hits, type Subject } from "./check.ts";
import { contextFolder, ignoreFile } from "./context-folder.ts";
import { contextUse, folderOf } from "./context-use.ts";
import { ignoreFiles } from "./inputs.ts";

/** Whether a path is another one or in it. */
const isIn = (path: string, folder: string) => folder === "." || `${path}/`.startsWith(`${folder}/`);

/** Pure: whether a list of left out files leaves one out. The last line that fits decides. Source: containerignore(5). */
export function leavesOut(list: string, path: string): boolean {
  const names = path.split("/");
  const ways = names.map((_, i) => names.slice(0, i + 1).join("/"));
  let out = false;
  for (const line of list.split("\n").map((l) => l.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const taken = line.startsWith("!");
    const pattern = line.slice(taken ? 1 : 0).replaceAll(/^\/|\/$/g, "");
    if (ways.some((way) => new Bun.Glob(pattern).match(way))) out = !taken;
  }
  return out;
}

function listOf(target: Target, family: Family, context: string): string {
  const own = ignoreFile(target, family);
  const places = [...(own === undefined ? [] : [[family.root, own]]), ...ignoreFiles.map((name) => [context, name])];
  const read = places.map(([root = "", name = ""]) => readProjectFile(root, name));
  return read.flatMap((r) => ("text" in r ? [r.text] : []))[0] ?? "";
}

/** COPY and ADD that take one of these files, from the project's root, out of the context. */
function takenBy(subject: Subject, files: string[], what: string): Hit[] {
  const { target, family } = subject;
  const context = contextFolder(target, family);
  const list = listOf(target, family, context);
  const paths = files
    .map((file) => relative(context, join(family.root, file)))
    .filter((path) => !path.startsWith("..") && !leavesOut(list, path));
  if (paths.length === 0) return [];
  return contextUse(subject, target.flavor.containerfile?.args ?? {})
    .filter(({ at }) => at.keyword === "COPY" || at.keyword === "ADD")
    .flatMap(({ at, paths: taken }) =>
      hits(
        at,
        paths
          .filter((path) => taken.some((one) => isIn(path, folderOf(one))))
          .map((path) => `${at.keyword} takes ${what} ${path}`),
      ),
    );
}

/** COPY and ADD of the key that signs images. */
export function copiedKey(subject: Subject): Hit[] {
  const there = existsSync(join(subject.family.root, privateKeyFile));
  return there ? takenBy(subject, [privateKeyFile], "the private key") : [];
}

/** @throws Failure where the private key would become part of the image, which everybody can read once it is pushed */
export function refuseCopiedKey(subject: Subject): void {
  const [hit] = copiedKey(subject);
  if (!hit) return;
  const list = ignoreFiles.find((name) => existsSync(join(contextFolder(subject.target, subject.family), name)));
  throw new Failure(
    exit.failed,
    `${hit.what} into the image: ${recipeFile(subject.family.root, subject.target.flavor)}`,
    {
      tried: [hit.at?.text ?? ""],
      next: `add the line **/*.key to ${list ?? ignoreFiles[0]}`,
    },
  );
}

/** COPY and ADD of a file that is a secret of the build, or of the signing key: every layer that they make has it. */
export function copiedSecrets(subject: Subject): Hit[] {
  const { secrets = {} } = subject.target.flavor.containerfile ?? {};
  const files = Object.values(secrets).flatMap((from) =>
    "file" in from && !/^[~/]/.test(from.file) ? [from.file] : [],
  );
  return [...takenBy(subject, files, "the secret"), ...copiedKey(subject)];
}
