import { posix } from "node:path";
import {
  type Containerfile,
  copyWords,
  type Instruction,
  mountsOf,
  stageNamed,
  takenFrom,
  triggered,
} from "./instructions.ts";
import { fillIn, type Scope, scopes } from "./variables.ts";

/**
 * What a Containerfile takes from the build context, instruction by instruction: COPY, ADD, and bind mounts of RUN without
 * `from`. More than podman takes is harmless here, less is not: of a pattern it is the folder above the first special character.
 */
export interface Use {
  at: Instruction;
  /** From the context's root; "." is all of it. A folder stands for all that is in it, `FOLDER/*` for what a pattern may match. */
  paths: string[];
  /** What could not be made a path. */
  unknown: string[];
}

/**
 * A path of the context: no slash at its ends, and nothing above the root, as podman has it. A pattern becomes its folder with
 * a mark, because podman follows links that a pattern matches.
 */
function inContext(path: string): string {
  const special = path.search(/[*?[\\]/);
  const folder = special < 0 ? path : path.slice(0, special).replace(/[^/]*$/, "");
  const clean = posix.join("/", folder).replaceAll(/^\/|\/$/g, "") || ".";
  return special < 0 ? clean : `${clean}/*`;
}

/** Whether a path of `Use` is marked as a pattern's folder. */
export const isPattern = (path: string) => path.endsWith("/*");

/** A path of `Use` without that mark. */
export const folderOf = (path: string) => path.replace(/\/\*$/, "");

const address = /^(?:\w+:\/\/|git@)/;

/** Sources of COPY and ADD. Heredocs are part of the text; what an address gives is known where the text has its checksum. */
function copied(at: Instruction): string[] {
  if (takenFrom(at).length > 0) return [];
  const sources = copyWords(at).sources.filter((word) => !/^\d*<<-?["']?[A-Za-z_]/.test(word));
  const isChecked = at.flags.some((flag) => flag.startsWith("--checksum="));
  return isChecked ? sources.filter((word) => !address.test(word)) : sources;
}

/** The source of a bind mount, the usual type; undefined for a mount that takes nothing from the context. */
export function mountSource(mount: Map<string, string>): string | undefined {
  if ((mount.get("type") ?? "bind") !== "bind" || mount.has("from")) return undefined;
  return mount.get("source") ?? mount.get("src") ?? ".";
}

function useOf(outer: Instruction, scope: Scope, escapeSign: string): Use {
  const at = triggered(outer);
  const words = at.keyword === "COPY" || at.keyword === "ADD" ? copied(at) : [];
  const sources = [...words, ...mountsOf(at).flatMap((m) => mountSource(m) ?? [])];
  const use: Use = { at: outer, paths: [], unknown: [] };
  for (const word of sources) {
    const filled = fillIn(word, scope, escapeSign);
    if (filled === undefined || address.test(filled)) use.unknown.push(word);
    else use.paths.push(inContext(filled));
  }
  return use;
}

/** @param given build arguments, which win over what ARGs say */
export function contextUse(file: Containerfile, given: Record<string, string> = {}): Use[] {
  const stageOf = (stage: number) => stageNamed(file, file.stages[stage]?.from ?? "", stage);
  const seen = scopes(file, given, stageOf);
  const nothing: Scope = { args: new Map(), env: new Map() };
  return file.instructions
    .map((at) => useOf(at, seen.get(at) ?? nothing, file.escapeSign))
    .filter(({ paths, unknown }) => paths.length + unknown.length > 0);
}

/** What stands in the way of knowing all that goes into an image: the first such word and its place. @param file its name */
export function firstUnknown(uses: Use[], file: string): string | undefined {
  const use = uses.find(({ unknown }) => unknown.length > 0);
  return (
    use &&
    `built every time: what is behind \`${use.unknown[0]}\` is not known before the build (${file}:${use.at.line})`
  );
}
