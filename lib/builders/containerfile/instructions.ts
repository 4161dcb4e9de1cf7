import { exit, Failure } from "../../system/errors.ts";
import { didYouMean } from "../../system/nearest.ts";

/**
 * A Containerfile's instructions, as podman reads them. Source: imagebuilder, dockerfile/parser (podman 4), and BuildKit's
 * reference of the Dockerfile for heredocs, which podman knows since 4.9.
 */

/** A line of a Containerfile, and the line of the recipe that it comes from. */
export interface ExpandedLine {
  text: string;
  line: number;
}

/** One instruction of a Containerfile, its continuation lines joined. */
export interface Instruction {
  /** In capitals. */
  keyword: string;
  /** What follows the keyword. */
  text: string;
  /** The words that begin with two hyphens, without their quotes; `--mount=…` of a RUN. */
  flags: string[];
  /** What follows the flags. */
  rest: string;
  /** The line of the recipe that it comes from. */
  line: number;
  /** Its first line and the one after its last, in the lines that were read; a heredoc's lines are part of it. */
  from: number;
  to: number;
  /** The number of its stage; -1 before the first FROM. */
  stage: number;
}

export interface Stage {
  name: string | undefined;
  /** What it is based on, as written. */
  from: string;
}

export interface Containerfile {
  instructions: Instruction[];
  stages: Stage[];
  /** ARGs before the first FROM, with their defaults. */
  globals: Map<string, string | undefined>;
  /** What continues a line, and takes a character's meaning: a backslash, or what `# escape=` says. */
  escapeSign: string;
}

/** The lines of a Containerfile that was not made from a recipe. */
export function linesOf(containerfile: string): ExpandedLine[] {
  return containerfile.split("\n").map((text, i) => ({ text, line: i + 1 }));
}

/** Directives are comments at the very top, of the form `# name=value`. */
function escapeOf(lines: ExpandedLine[]): string {
  for (const { text } of lines) {
    const [, name, value] = /^\s*#\s*(\w+)\s*=\s*(\S+)\s*$/.exec(text) ?? [];
    if (name === undefined) break;
    if (name.toLowerCase() === "escape" && value === "`") return value;
  }
  return "\\";
}

/** The lines that belong to the heredocs of an instruction that ends before line `at`. A heredoc without an end is none. */
function heredocEnd(text: string, lines: ExpandedLine[], at: number): number {
  let end = at;
  for (const [, tabs, name = ""] of text.matchAll(heredoc)) {
    const closes = (l: ExpandedLine) => (tabs ? l.text.replace(/^\t+/, "") : l.text).replace(/\r$/, "") === name;
    const found = lines.findIndex((l, i) => i >= end && closes(l));
    if (found < 0) break;
    end = found + 1;
  }
  return end;
}

/** `<<EOF`, `<<-EOF`, `3<<"EOF"` as a word of its own. */
const heredoc = /(?<=^|\s)\d*<<(-?)["']?([A-Za-z_][\w.-]*)["']?(?=\s|$)/g;

const flag = /^\s*(--(?:"[^"]*"|'[^']*'|[^\s"'])+)(?=\s|$)/;

/** Takes the flags off the front. */
function splitFlags(text: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let rest = text;
  for (let found = flag.exec(rest); found; found = flag.exec(rest)) {
    flags.push((found[1] ?? "").replaceAll(/["']/g, ""));
    rest = rest.slice(found[0].length);
  }
  return { flags, rest: rest.trim() };
}

/** The instruction inside of an ONBUILD, else the same. */
export function triggered(at: Instruction): Instruction {
  if (at.keyword !== "ONBUILD") return at;
  const [, word = "", text = ""] = /^(\w+)\s*(.*)$/s.exec(at.text) ?? [];
  return { ...at, keyword: word.toUpperCase(), text, ...splitFlags(text) };
}

/** Reads what podman reads: comments and empty lines go, also between continuation lines. Never fails. */
export function parseContainerfile(lines: ExpandedLine[]): Containerfile {
  const instructions: Instruction[] = [];
  const stages: Stage[] = [];
  const globals = new Map<string, string | undefined>();
  const escapeSign = escapeOf(lines);
  const continuation = escapeSign === "`" ? /`\s*$/ : /\\\s*$/;
  let open: { text: string; line: number; from: number } | undefined;
  for (let i = 0; i < lines.length; i++) {
    const { text, line } = lines[i] ?? { text: "", line: 0 };
    const isLast = i === lines.length - 1;
    const skipped = /^\s*(#|$)/.test(text);
    if (skipped && !(isLast && open)) continue;
    const continued = !skipped && continuation.test(text);
    const part = skipped ? "" : text.replace(continued ? continuation : /\r$/, "");
    open = { text: (open?.text ?? "") + part, line: open?.line ?? line, from: open?.from ?? i };
    if (continued && !isLast) continue;
    const [, word = "", rest = ""] = /^\s*(\w+)\s*(.*)$/s.exec(open.text) ?? [];
    const keyword = word.toUpperCase();
    if (keyword === "FROM") {
      const [, from = "", name] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(rest) ?? [];
      stages.push({ from, name });
    }
    if (keyword === "ARG" && stages.length === 0)
      for (const [name, value] of pairs({ keyword, text: rest })) globals.set(name, value);
    const takesHeredocs = ["RUN", "COPY", "ADD", "ONBUILD"].includes(keyword);
    const to = takesHeredocs ? heredocEnd(rest, lines, i + 1) : i + 1;
    const split = splitFlags(rest);
    instructions.push({
      ...{ keyword, text: rest, ...split, line: open.line },
      ...{ from: open.from, to, stage: stages.length - 1 },
    });
    i = to - 1;
    open = undefined;
  }
  return { instructions, stages, globals, escapeSign };
}

/** The number of the earlier stage that a name or number means; -1 where it is an image. Names are compared as podman does. */
export function stageNamed({ stages }: Pick<Containerfile, "stages">, name: string, before: number): number {
  const found = stages.findLastIndex((s, i) => i < before && s.name?.toLowerCase() === name.toLowerCase());
  if (found >= 0 || !/^\d+$/.test(name)) return found;
  return Number(name) < before ? Number(name) : -1;
}

/** The stages whose files end up in the image: the last one, and those that it is based on. */
export function imageStages(file: Pick<Containerfile, "stages">): number[] {
  const chain: number[] = [];
  for (let at = file.stages.length - 1; at >= 0; ) {
    chain.push(at);
    at = stageNamed(file, file.stages[at]?.from ?? "", at);
  }
  return chain;
}

/**
 * A Containerfile up to the end of a stage, which is then the last one: the image, and where labels go.
 * @throws Failure (usage) for a stage that it does not have
 */
export function untilStage(lines: ExpandedLine[], target: string, file: string): ExpandedLine[] {
  const { stages, instructions } = parseContainerfile(lines);
  const found = stages.findLastIndex(({ name }) => name?.toLowerCase() === target.toLowerCase());
  const names = stages.flatMap(({ name }) => name ?? []);
  if (found < 0)
    throw new Failure(exit.usage, `${file}:1:1: no stage is called ${target}${didYouMean(target, names)}`, {
      choices: [`its stages with a name: ${names.join(" ") || "none"}`],
      next: "correct containerfile.target, or leave it out to take the last stage",
    });
  const after = instructions.find(({ keyword, stage }) => keyword === "FROM" && stage > found);
  return lines.slice(0, after?.from);
}

/** What ARG and ENV name, and the values as written, quotes kept. `ENV NAME some words` is one. */
export function pairs({ keyword, text }: Pick<Instruction, "keyword" | "text">): [string, string | undefined][] {
  const words = [...text.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'])+/gs)].map(([w]) => w);
  const old = keyword === "ENV" && !words[0]?.includes("=") ? /^(\w+)\s+(.*)$/s.exec(text) : null;
  if (old) return [[old[1] ?? "", old[2]]];
  return words.map((w) => [w.split("=", 1)[0] ?? "", /=(.*)$/s.exec(w)?.[1]]);
}

/** The words of a JSON list of words, as the exec form has them; undefined for any other text. */
export function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) && words.every((w) => typeof w === "string") ? words : undefined;
  } catch {
    return undefined;
  }
}

/** The words of COPY and ADD: flags, sources, destination. */
export function copyWords({ flags, rest }: Instruction): { flags: string[]; sources: string[]; to: string } {
  const paths = jsonWords(rest) ?? rest.split(/\s+/).filter(Boolean);
  return { flags, sources: paths.slice(0, -1), to: paths.at(-1) ?? "" };
}

/** The simple commands of a RUN line, each from its own first word, without the flags of RUN. */
export function commandsOf({ rest }: Instruction): string[] {
  const parts = rest.split(/&&|\|\||[;|]|\bthen\b|\bdo\b/);
  return parts.map((p) => p.trim()).filter(Boolean);
}

/** The options of a RUN's mounts, in order: `type`, `from`, `source`, …; one without a value has the empty one. */
export function mountsOf({ keyword, flags }: Instruction): Map<string, string>[] {
  if (keyword !== "RUN") return [];
  return flags
    .filter((f) => f.startsWith("--mount="))
    .map((f) => {
      const words = f.slice("--mount=".length).split(",");
      return new Map(words.map((w): [string, string] => [w.split("=", 1)[0] ?? "", /=(.*)$/s.exec(w)?.[1] ?? ""]));
    });
}

/** Other stages or images that an instruction takes from. */
export function takenFrom(at: Instruction): string[] {
  if (at.keyword === "RUN") return mountsOf(at).flatMap((m) => m.get("from") ?? []);
  if (at.keyword !== "COPY" && at.keyword !== "ADD") return [];
  return at.flags.filter((f) => f.startsWith("--from=")).map((f) => f.slice("--from=".length));
}
