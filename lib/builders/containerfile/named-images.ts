import { type Hit, hits, type Subject } from "./check.ts";
import { type Instruction, stageNamed, takenFrom } from "./instructions.ts";

/** Checks of the images that FROM, COPY --from and mounts name. */

/** What is FROM must be an ARG, an earlier stage or nothing. */
export function strangers(subject: Subject): Hit[] {
  const { stages, globals } = subject;
  const known = (name: string, before: number) => {
    const arg = /^\$\{?(\w+)\}?$/.exec(name)?.[1];
    if (arg !== undefined) return globals.has(arg);
    return name === "scratch" || stages.some((s, i) => i < before && (s.name === name || String(i) === name));
  };
  return subject.instructions.flatMap((at) => {
    const names = at.keyword === "FROM" ? [stages[at.stage]?.from ?? ""] : takenFrom(at);
    return hits(
      at,
      names.filter((name) => !known(name, at.stage)).map((name) => `${at.keyword} takes from ${name}`),
    );
  });
}

/** What FROM names as written, where that is an image without a tag or digest. */
export function withoutTag({ stages, ...file }: Subject, at: Instruction): string[] {
  const from = stages[at.stage]?.from ?? "";
  const isImage = from !== "scratch" && !from.includes("$") && stageNamed({ ...file, stages }, from, at.stage) < 0;
  return isImage && !/[:@][^/]*$/.test(from) ? [`FROM ${from}`] : [];
}
