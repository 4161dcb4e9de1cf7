import { type Containerfile, type Instruction, stageNamed, takenFrom } from "./instructions.ts";
import { fillIn, globalScope, scopes } from "./variables.ts";

/** The images that a Containerfile takes from outside. */
export interface OutsideImages {
  /** What the image is based on; undefined where it starts from nothing, or where that is not known. */
  base: string | undefined;
  /** Those of other stages, of COPY --from and of mounts; each once. */
  others: string[];
  /** A name that is not known before the build, and where it stands. */
  unknown: { at: Instruction; name: string } | undefined;
}

/** Names that are no images in podman's storage. Source: containers-transports(5). */
const transport = /^(containers-storage|dir|docker|docker-archive|docker-daemon|oci|oci-archive|sif|tarball):/;

/** @param given build arguments, which win over what ARGs say */
export function outsideImages(file: Containerfile, given: Record<string, string>): OutsideImages {
  const globals = globalScope(file, given);
  const stageOf = (stage: number) => stageNamed(file, file.stages[stage]?.from ?? "", stage);
  const seen = scopes(file, given, stageOf);
  let unknown: OutsideImages["unknown"];

  /** An image's name; undefined for an earlier stage, for nothing, and for what is not known. */
  const imageOf = (at: Instruction, word: string): string | undefined => {
    if (stageNamed(file, word, at.stage) >= 0) return undefined;
    const scope = at.keyword === "FROM" ? globals : (seen.get(at) ?? globals);
    const name = fillIn(word, scope, file.escapeSign);
    if (name && !transport.test(name))
      return name === "scratch" || stageNamed(file, name, at.stage) >= 0 ? undefined : name;
    unknown ??= { at, name: word };
    return undefined;
  };

  const from = new Map<number, string | undefined>();
  const others = new Set<string>();
  for (const at of file.instructions) {
    const words = at.keyword === "FROM" ? [file.stages[at.stage]?.from ?? ""] : takenFrom(at);
    for (const word of words) {
      const name = imageOf(at, word);
      if (at.keyword === "FROM") from.set(at.stage, name);
      if (name !== undefined) others.add(name);
    }
  }
  let last = file.stages.length - 1;
  for (let below = stageOf(last); below >= 0; below = stageOf(last)) last = below;
  const base = from.get(last);
  if (base !== undefined) others.delete(base);
  return { base, others: [...others], unknown };
}

/** Why a target is built every time, where an image that it is made from is not known before. @param file its name */
export function firstUnknownImage({ unknown }: OutsideImages, file: string): string | undefined {
  return (
    unknown &&
    `built every time: the image \`${unknown.name}\` is not known before the build (${file}:${unknown.at.line})`
  );
}
