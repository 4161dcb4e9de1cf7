import type { ExpandedLine } from "../expand.ts";

/** One instruction of a Containerfile, its continuation lines joined. */
export interface Instruction {
  /** In capitals. */
  keyword: string;
  /** What follows the keyword. */
  text: string;
  /** The line of the recipe that it comes from. */
  line: number;
  /** The number of its stage; -1 before the first FROM. */
  stage: number;
}

export interface Stage {
  name: string | undefined;
  /** What it stands on, as written. */
  from: string;
}

export interface Containerfile {
  instructions: Instruction[];
  stages: Stage[];
  /** ARGs before the first FROM, with their defaults. */
  globals: Map<string, string | undefined>;
}

/** Reads what podman reads: comments and empty lines go, also between continuation lines. */
export function parseContainerfile(lines: ExpandedLine[]): Containerfile {
  const instructions: Instruction[] = [];
  const stages: Stage[] = [];
  const globals = new Map<string, string | undefined>();
  let open: { text: string; line: number } | undefined;
  for (const { text, line } of lines) {
    if (/^\s*(#|$)/.test(text)) continue;
    const continued = text.endsWith("\\");
    const part = continued ? text.slice(0, -1) : text;
    open = { text: (open?.text ?? "") + part, line: open?.line ?? line };
    if (continued) continue;
    const [, word = "", rest = ""] = /^\s*(\w+)\s*(.*)$/s.exec(open.text) ?? [];
    const keyword = word.toUpperCase();
    if (keyword === "FROM") {
      const [, from = "", name] = /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(rest) ?? [];
      stages.push({ from, name });
    }
    if (keyword === "ARG" && stages.length === 0) {
      const [, name = "", value] = /^(\w+)(?:=(.*))?$/.exec(rest) ?? [];
      globals.set(name, value);
    }
    instructions.push({ keyword, text: rest, line: open.line, stage: stages.length - 1 });
    open = undefined;
  }
  return { instructions, stages, globals };
}

/** The stages whose files end up in the image: the last one, and those that it stands on. */
export function imageStages({ stages }: Containerfile): number[] {
  const chain: number[] = [];
  for (let at = stages.length - 1; at >= 0; ) {
    chain.push(at);
    const from = stages[at]?.from;
    at = stages.findIndex((s, i) => i < at && s.name !== undefined && s.name === from);
  }
  return chain;
}

/** The words of COPY and ADD: flags, sources, destination. */
export function copyWords({ text }: Instruction): { flags: string[]; sources: string[]; to: string } {
  const words = text.split(/\s+/).filter(Boolean);
  const flags = words.filter((w) => w.startsWith("--"));
  const paths = words.filter((w) => !w.startsWith("--"));
  return { flags, sources: paths.slice(0, -1), to: paths.at(-1) ?? "" };
}

/** The simple commands of a RUN line, each from its own first word, without the flags of RUN. */
export function commandsOf({ text }: Instruction): string[] {
  const line = text.replace(/^(\s*--\S+)+/, "");
  const parts = line.split(/&&|\|\||[;|]|\bthen\b|\bdo\b/);
  return parts.map((p) => p.trim()).filter(Boolean);
}

/** Other stages or images that an instruction takes from. */
export function takenFrom({ keyword, text }: Instruction): string[] {
  if (keyword === "COPY") return [...text.matchAll(/--from=(\S+)/g)].map((m) => m[1] ?? "");
  if (keyword !== "RUN") return [];
  return [...text.matchAll(/--mount=\S*?\bfrom=([^,\s]+)/g)].map((m) => m[1] ?? "");
}
