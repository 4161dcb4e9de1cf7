import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import type { z } from "zod";
import { didYouMean } from "../cli/nearest.ts";
import type { Mistake } from "./mistakes.ts";

type Path = readonly PropertyKey[];

/** A YAML file that remembers where everything in it stands. */
export class YamlFile {
  readonly mistakes: Mistake[] = [];
  private readonly doc: Document.Parsed;
  private readonly lines: string[];
  private readonly counter = new LineCounter();

  /** @param name the name used in messages. */
  constructor(
    readonly name: string,
    text: string,
  ) {
    this.lines = text.split("\n");
    this.doc = parseDocument(text, { lineCounter: this.counter, prettyErrors: false });
    const errors = this.doc.errors.filter(
      (e, i, all) => i === 0 || e.code === "DUPLICATE_KEY" || all[0]?.code === "DUPLICATE_KEY",
    );
    this.mistakes.push(
      ...errors.map((e) => this.at(e.pos[0], e.message.replace(/ at line \d+.*$/s, ""), "valid YAML")),
    );
  }

  private at(offset: number, message: string, expected?: string): Mistake {
    const { line, col } = this.counter.linePos(offset);
    const text = this.lines[line - 1] ?? "";
    return { file: this.name, line, column: col, message, text, ...(expected ? { expected } : {}) };
  }

  /** Where the value at `path` begins, or the nearest thing around it that exists; with `key`, that key of it. */
  private offset(path: Path, key?: string): number {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = (depth ? this.doc.getIn(path.slice(0, depth), true) : this.doc.contents) as Node | undefined;
      if (!node?.range) continue;
      if (key !== undefined && depth === path.length && isMap(node)) {
        const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === key);
        if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
      }
      return node.range[0];
    }
    return 0;
  }

  /** A mistake at a value, or at one of its keys. */
  mistake(path: Path, message: string, expected?: string, key?: string): Mistake {
    return this.at(this.offset(path, key), message, expected);
  }

  /** The content in the schema's shape, or undefined with the mistakes recorded. */
  read<T extends z.ZodType>(schema: T, shape: Record<string, unknown>): z.infer<T> | undefined {
    if (this.mistakes.length) return undefined;
    const result = schema.safeParse(this.doc.toJS());
    if (result.success) return result.data;
    this.mistakes.push(...result.error.issues.flatMap((issue) => this.explain(issue, shape)));
    return undefined;
  }

  private explain(issue: z.core.$ZodIssue, shape: Record<string, unknown>): Mistake[] {
    const { path } = issue;
    const found = this.doc.getIn(path);
    const shown = typeof found === "string" || typeof found === "number" ? `\`${found}\`` : where(path);
    switch (issue.code) {
      case "unrecognized_keys": {
        const known = knownKeys(shape, path);
        return issue.keys.map((key) =>
          this.mistake(path, `unknown key \`${key}\`${didYouMean(key, known)}`, oneOf(known), key),
        );
      }
      case "invalid_key": {
        const key = String(path.at(-1));
        const why = issue.issues[0]?.message ?? "not a valid key";
        return [this.mistake(path.slice(0, -1), `\`${key}\`: ${why}`, undefined, key)];
      }
      case "invalid_value": {
        const values = issue.values.map(String);
        return [this.mistake(path, `${shown} is not known here${didYouMean(String(found), values)}`, oneOf(values))];
      }
      case "invalid_type": {
        const expected = typeName(issue.expected);
        if (found === undefined) return [this.mistake(path.slice(0, -1), `${where(path)} is missing`, expected)];
        return [this.mistake(path, `wrong type for ${where(path)}`, expected)];
      }
      default:
        return [this.mistake(path, `${shown}: ${issue.message}`)];
    }
  }
}

const typeNames: Record<string, string> = { record: "a map", object: "a map", array: "a list", int: "a whole number" };

function typeName(expected: string): string {
  return typeNames[expected] ?? `a ${expected}`;
}

function where(path: Path): string {
  return path.length ? `\`${path.map(String).join(".")}\`` : "the file";
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? String(words[0]) : `one of ${words.join(", ")}`;
}

/** The keys that a strict map of the schema takes, found by walking zod's own description of the shape. */
function knownKeys(shape: Record<string, unknown>, path: Path): string[] {
  let at: unknown = { def: { type: "object", shape } };
  for (const part of path) at = child(unwrap(at), part);
  const def = definition(unwrap(at));
  return def?.shape ? Object.keys(def.shape) : [];
}

interface Definition {
  type: string;
  innerType?: unknown;
  shape?: Record<string, unknown>;
  valueType?: unknown;
  element?: unknown;
  options?: unknown[];
}

function definition(schema: unknown): Definition | undefined {
  return (schema as { def?: Definition } | undefined)?.def;
}

function unwrap(schema: unknown): unknown {
  const def = definition(schema);
  if (def?.innerType) return unwrap(def.innerType);
  if (def?.options) return def.options.find((o) => definition(o)?.shape) ?? schema;
  return schema;
}

function child(schema: unknown, part: PropertyKey): unknown {
  const def = definition(schema);
  return def?.shape?.[String(part)] ?? def?.valueType ?? def?.element;
}
