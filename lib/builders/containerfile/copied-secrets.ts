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

/** The list of left out files that podman reads, by its name and text: the Containerfile's own, else the context's. */
function listOf(target: Target, family: Family): { name: string; text: string } {
  const own = ignoreFile(target, family);
  const context = contextFolder(target, family);
  const places = [...(own === undefined ? [] : [[family.root, own]]), ...ignoreFiles.map((name) => [context, name])];
  for (const [root = "", name = ""] of places) {
    const read = readProjectFile(root, name);
    if ("text" in read) return { name, text: read.text };
  }
  return { name: ignoreFiles[0] ?? "", text: "" };
}

/** COPY and ADD that take one of these files, from the project's root, out of the context. */
function takenBy(subject: Subject, files: string[], what: string): Hit[] {
  const { target, family } = subject;
  const context = contextFolder(target, family);
  const list = listOf(target, family).text;
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
  throw new Failure(
    exit.failed,
    `${hit.what} into the image: ${recipeFile(subject.family.root, subject.target.flavor)}`,
    {
      tried: [hit.at?.text ?? ""],
      next: `add the line **/*.key to ${listOf(subject.target, subject.family).name}`,
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
