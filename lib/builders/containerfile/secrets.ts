import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Family, Target } from "../../family/family.ts";
import { firstBytes } from "../../family/project-file.ts";
import { exit, Failure } from "../../system/errors.ts";
import { hideFromNow } from "../../system/secrets.ts";

/**
 * Secrets of a build: `RUN --mount=type=secret,id=NAME` reads one, and no layer has it. podman gets the name of a file or a variable
 * and reads it by itself, so what is in it is in no command line. It is no part of the input key either: another password is no
 * reason to build.
 */

/** podman itself takes up to 500 kB. */
const mostSecret = 500_000;

/** A path as a person wrote it, for a program that runs in the project's root. */
function pathOf(file: string): string {
  return file.startsWith("~/") ? join(homedir(), file.slice(2)) : file;
}

/** podman's words for a target's secrets. Source: podman-build(1), --secret. */
export function secretWords({ flavor }: Target): string[] {
  return Object.entries(flavor.containerfile?.secrets ?? {}).flatMap(([id, from]) => [
    "--secret",
    "env" in from ? `id=${id},env=${from.env}` : `id=${id},src=${pathOf(from.file)}`,
  ]);
}

function contentOf(id: string, from: { file: string } | { env: string }, target: Target, root: string): string {
  const missing = (what: string, next: string) =>
    new Failure(exit.missing, `${target.reference}: the secret ${id} is not there: ${what}`, { next });
  if ("env" in from) {
    const value = process.env[from.env];
    if (value) return value;
    throw missing(`the variable ${from.env} is not set`, `set it: export ${from.env}=…`);
  }
  const path = isAbsolute(pathOf(from.file)) ? pathOf(from.file) : join(root, from.file);
  try {
    const { bytes, size } = firstBytes(realpathSync(path), mostSecret);
    if (size <= mostSecret) return bytes.toString("utf8");
    throw new Error(`it has ${size} bytes, more than ${mostSecret}`);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : (error as Error).message;
    throw missing(
      `${from.file}: ${why}`,
      `put it there, or correct containerfile.secrets.${id} in ${target.flavor.file}`,
    );
  }
}

/**
 * Looks before a build whether its secrets are there. From then on nothing that is shown or logged has them.
 * @throws Failure (missing) with the first one that is not
 */
export function hideSecretsOf(target: Target, { root }: Family): void {
  for (const [id, from] of Object.entries(target.flavor.containerfile?.secrets ?? {}))
    hideFromNow(contentOf(id, from, target, root));
}
