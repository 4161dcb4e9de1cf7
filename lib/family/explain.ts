import type { z } from "zod";
import { didYouMean } from "../system/nearest.ts";
import { looks } from "./shapes.ts";

/** A mistake in the shape of a value, in words, and where in the value it is. */
export interface Explained {
  path: PropertyKey[];
  message: string;
  expected?: string;
  /** The mistake is this key of the map at `path`. */
  key?: string;
}

/** One issue of the schema library in our words, with what was expected and the nearest valid one. */
export function explain(issue: z.core.$ZodIssue, value: unknown, schema: unknown): Explained[] {
  const { path } = issue;
  const found = valueAt(value, path);
  const shown = typeof found === "string" || typeof found === "number" ? `\`${short(found)}\`` : where(path);
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = knownKeys(schema, path);
      const expected = oneOf(known);
      return issue.keys.map((key) => ({
        path,
        message: `unknown key \`${short(key)}\`${didYouMean(key, known)}`,
        expected,
        key,
      }));
    }
    case "invalid_key": {
      const key = String(path.at(-1));
      const why = issue.issues[0]?.message ?? "not a valid key";
      const mistake = {
        path: path.slice(0, -1),
        message: `\`${short(key)}\`: ${why}`,
        expected: looks.get(why) ?? "",
        key,
      };
      // The library stops at the key; what is below it may be wrong too.
      const below = schemaAt(schema, path) as Partial<z.ZodType> | undefined;
      const more = below?.safeParse?.(found).error?.issues ?? [];
      return [mistake, ...more.flatMap((i) => explain({ ...i, path: [...path, ...i.path] }, value, schema))];
    }
    case "invalid_value": {
      const values = issue.values.map(String);
      if (found === undefined) return [{ path: path.slice(0, -1), message: missing(path), expected: oneOf(values) }];
      const message = `${shown} is not known here${didYouMean(String(found), values)}`;
      return [{ path, message, expected: oneOf(values) }];
    }
    case "invalid_type": {
      const expected = kinds[issue.expected] ?? `a ${issue.expected}`;
      if (found === undefined) return [{ path: path.slice(0, -1), message: missing(path), expected }];
      const quoted = issue.expected === "string" && typeof found === "number" ? `, such as "${found}"` : "";
      return [{ path, message: `wrong type for ${where(path)}: ${kindOf(found)}`, expected: expected + quoted }];
    }
    case "invalid_union": {
      if (found === undefined)
        return [{ path: path.slice(0, -1), message: missing(path), expected: looks.get(issue.message) ?? "" }];
      // An alternative of the right type says best what is wrong in it.
      const near = issue.errors.filter((errors) => errors.every((e) => e.code !== "invalid_type" || e.path.length));
      if (near.length === 1 && near[0])
        return near[0].flatMap((i) => explain({ ...i, path: [...path, ...i.path] }, value, schema));
      return [{ path, message: `${shown}: ${issue.message}`, expected: looks.get(issue.message) ?? "" }];
    }
    case "too_small":
    case "too_big": {
      const limit = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
      if (issue.origin === "number") return [{ path, message: `${where(path)} is ${found}`, expected: limit }];
      const wrong = issue.code === "too_small" ? "is empty" : "is too long";
      const counted = elements[issue.origin]?.[limit.endsWith(" 1") ? 0 : 1] ?? "";
      return [{ path, message: `${where(path)} ${wrong}`, expected: `${limit} ${counted}` }];
    }
    default:
      return [{ path, message: `${shown}: ${issue.message}`, expected: looks.get(issue.message) ?? "" }];
  }
}

const kinds: Record<string, string> = { record: "a map", object: "a map", array: "a list", int: "a whole number" };
const elements: Record<string, [string, string]> = { array: ["entry", "entries"], string: ["character", "characters"] };

/** A value as a message shows it: in one line, a long one by its beginning. */
function short(value: string | number): string {
  const text = String(value).replaceAll("\n", "\\n");
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function kindOf(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}

function where(path: readonly PropertyKey[]): string {
  return path.length ? `\`${short(path.map(String).join("."))}\`` : "the file";
}

function missing(path: readonly PropertyKey[]): string {
  return `${where(path)} is missing`;
}

function oneOf(words: readonly string[]): string {
  return words.length === 1 ? String(words[0]) : `one of ${words.join(", ")}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const part of path) at = typeof at === "object" && at !== null ? Reflect.get(at, part) : undefined;
  return at;
}

/** How the schema library describes a schema to whoever walks it. */
interface Definition {
  innerType?: unknown;
  shape?: Record<string, unknown>;
  valueType?: unknown;
  element?: unknown;
  options?: unknown[];
}

function definition(schema: unknown): Definition | undefined {
  return (schema as { def?: Definition } | undefined)?.def;
}

/** What is inside an optional or defaulted schema; of alternatives, the map. */
function unwrap(schema: unknown): unknown {
  const def = definition(schema);
  if (def?.innerType) return unwrap(def.innerType);
  return def?.options ? (def.options.find((o) => definition(o)?.shape) ?? schema) : schema;
}

function schemaAt(schema: unknown, path: readonly PropertyKey[]): unknown {
  let at = schema;
  for (const part of path) {
    const def = definition(unwrap(at));
    at = def?.shape?.[String(part)] ?? def?.valueType ?? def?.element;
  }
  return unwrap(at);
}

/** The keys that the map at `path` can have. */
function knownKeys(schema: unknown, path: readonly PropertyKey[]): string[] {
  return Object.keys(definition(schemaAt(schema, path))?.shape ?? {});
}
