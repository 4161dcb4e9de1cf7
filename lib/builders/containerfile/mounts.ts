import { exit, Failure } from "../../system/errors.ts";
import { filesAt } from "./context-files.ts";
import { contextUse } from "./context-use.ts";
import {
  type ExpandedLine,
  type Instruction,
  mountsOf,
  pairs,
  parseContainerfile,
  stageNamed,
  takenFrom,
} from "./instructions.ts";

/**
 * podman finds a RUN in its cache by the RUN's text. It does not look at files of the context that the RUN mounts (before buildah
 * 1.39, pull request 5691), and no version looks at the content of a stage that a RUN mounts (buildah issue 6609). So what a RUN mounts
 * goes into its text, as a digest. The place is the option `consistency` of a mount, which podman accepts with any value and
 * ignores (buildah, internal/volumes: "has no meaning on other platforms"). It works for each form of RUN: a line of shell, a JSON
 * list, a heredoc.
 *
 * podman 4.3 mounts a stage that comes from the cache without its last step (buildah issue 4375). So a stage that is mounted gets
 * a last step that does nothing.
 */
const lastStep = "ARG SLIPWAY_STAGE_END=";

type Bytes = string | Uint8Array;

function digest(parts: Iterable<Bytes>): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

const isBind = (mount: Map<string, string>) => (mount.get("type") ?? "bind") === "bind";

class Mounted {
  private readonly file;
  private readonly uses;
  private readonly known = new Map<string, string>();

  constructor(
    private readonly lines: ExpandedLine[],
    private readonly root: string,
    private readonly given: Record<string, string>,
  ) {
    this.file = parseContainerfile(lines);
    this.uses = new Map(contextUse(this.file, given).map((use) => [use.at, use]));
  }

  /** Each thing is read once. */
  private once(name: string, parts: () => Iterable<Bytes>): string {
    const found = this.known.get(name) ?? digest(parts());
    this.known.set(name, found);
    return found;
  }

  /** What an instruction takes from the context; all of the context, where nobody knows what. */
  private *context(at: Instruction): Generator<string> {
    const use = this.uses.get(at);
    for (const path of use?.unknown.length ? ["."] : (use?.paths ?? []))
      yield this.once(`path ${path}`, () => filesAt(this.root, path));
  }

  /** The earlier stages that a name can mean: all of them, if it has a variable in it; none for an image. */
  private stages(name: string, before: number): number[] {
    if (name.includes("$")) return this.file.stages.slice(0, Math.max(before, 0)).map((_, i) => i);
    const stage = stageNamed(this.file, name, before);
    return stage < 0 ? [] : [stage];
  }

  private *others(names: string[], before: number): Generator<string> {
    for (const name of names) for (const stage of this.stages(name, before)) yield this.stage(stage);
  }

  /** All that makes a stage: its text, its arguments, what it takes from the context and from other stages. */
  private stage(stage: number): string {
    return this.once(`stage ${stage}`, () => this.stageParts(stage));
  }

  private *stageParts(stage: number): Generator<string> {
    const from = this.file.stages[stage]?.from ?? "";
    const instructions = this.file.instructions.filter((i) => i.stage === stage);
    yield* this.others([from], stage);
    const texts = instructions.filter(({ keyword }) => keyword === "ARG" || keyword === "FROM").map(({ text }) => text);
    yield JSON.stringify(this.seenArgs(texts));
    for (const at of instructions) {
      yield JSON.stringify(this.lines.slice(at.from, at.to).map((l) => l.text));
      yield* this.context(at);
      yield* this.others(takenFrom(at), stage);
    }
  }

  /**
   * The arguments that texts can see: by the words in them, and by the defaults of ARGs before the first FROM, which see
   * those before them. Others stay out: a new refresh stamp must not build again what does not declare it.
   */
  private seenArgs(texts: string[]): unknown[] {
    const wordsOf = (text: string) => text.match(/\w+/g) ?? [];
    const names = new Set(texts.flatMap(wordsOf));
    const all = this.file.instructions.filter((i) => i.keyword === "ARG" && i.stage < 0).flatMap(pairs);
    const globals = all.reverse().filter(([name, value]) => {
      if (names.has(name)) for (const word of wordsOf(value ?? "")) names.add(word);
      return names.has(name);
    });
    return [
      globals,
      Object.entries(this.given)
        .filter(([name]) => names.has(name))
        .sort(),
    ];
  }

  /** The digest of what a RUN mounts; undefined if podman sees all that goes into it. */
  digestOf(at: Instruction): string | undefined {
    const stages = mountsOf(at)
      .filter(isBind)
      .flatMap((m) => m.get("from") ?? []);
    const parts = [...this.context(at), ...this.others(stages, at.stage)];
    return parts.length ? digest(parts) : undefined;
  }

  get runs(): Instruction[] {
    return this.file.instructions.filter((at) => at.keyword === "RUN");
  }

  /** The places after the last line of each stage that is mounted. */
  get ends(): Set<number> {
    const mounted = this.runs.flatMap((at) =>
      mountsOf(at).flatMap((m) => (m.has("from") ? this.stages(m.get("from") ?? "", at.stage) : [])),
    );
    return new Set(mounted.map((stage) => this.file.instructions.findLast((i) => i.stage === stage)?.to ?? 0));
  }
}

/** Writes a digest into the n-th mount of a RUN. */
function sign(lines: ExpandedLine[], at: Instruction, n: number, found: string): void {
  let passed = 0;
  for (let i = at.from; i < at.to; i++) {
    const line = lines[i];
    if (!line || (i > at.from && /^\s*#/.test(line.text))) continue;
    const text = line.text.replaceAll(/(?<=^|\s)--mount=/g, (word) =>
      passed++ === n ? `${word}consistency=sha256:${found},` : word,
    );
    lines[i] = { ...line, text };
    if (passed > n) return;
  }
  throw new Failure(
    exit.usage,
    `line ${at.line} of the recipe: a \`--mount=\` of this RUN is spread over several lines`,
    {
      tried: ["podman does not look at what a RUN mounts, so Slipway writes a digest of it into the mount"],
      next: "write `--mount=` in one piece",
    },
  );
}

/**
 * A Containerfile that podman builds anew wherever something changed that a RUN mounts.
 * @param root the build context. @param given build arguments
 * @throws Failure (usage) for a mount where the digest has no place
 */
export function withMounts(lines: ExpandedLine[], root: string, given: Record<string, string> = {}): ExpandedLine[] {
  const mounted = new Mounted(lines, root, given);
  const signed = [...lines];
  for (const at of mounted.runs) {
    const found = mounted.digestOf(at);
    if (found) sign(signed, at, mountsOf(at).findIndex(isBind), found);
  }
  const { ends } = mounted;
  return signed.flatMap((l, i) => (ends.has(i + 1) ? [l, { text: lastStep, line: l.line }] : [l]));
}
