import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from "yaml";
import type { z } from "zod";
import { didYouMean } from "../system/nearest.ts";
import { type Explained, explain } from "./explain.ts";
import type { Mistake } from "./mistakes.ts";
import { readProjectFile } from "./project-file.ts";
import { beyondLimits, isTooMuch } from "./yaml-limits.ts";

export type Path = readonly PropertyKey[];

/** What a file says. `whole` is false when wrong parts were left out, so that the rest can still be checked. */
export interface Content<T> {
  data: T;
  whole: boolean;
}

/** How many unknown aliases of a file are reported, and how many names are offered for one. */
const mostTold = 20;

/** A YAML file that remembers where everything in it stands. */
export class YamlFile {
  readonly mistakes: Mistake[] = [];
  private readonly doc: Document.Parsed;
  private readonly lines: string[];
  private readonly counter = new LineCounter();
  /** Where wrong parts stood that were taken out, by their path. */
  private readonly removed = new Map<string, number>();
  /** No sense can be made of the file: nothing in it is looked at. */
  private broken: boolean;

  /** @param name the name used in messages. */
  constructor(
    readonly name: string,
    text: string,
  ) {
    this.lines = text.split(/\r?\n/);
    const beyond = beyondLimits(text);
    this.doc = parseDocument(beyond ? "" : text, { lineCounter: this.counter, prettyErrors: false });
    if (beyond) {
      for (const { index } of text.matchAll(/\n/g)) this.counter.addNewLine(index + 1);
      this.mistakes.push(this.at(beyond.offset, beyond.message, beyond.expected));
    }
    const doubles = this.doc.errors.filter((e) => e.code === "DUPLICATE_KEY");
    // What follows the first error of syntax is mostly its echo.
    const [first] = this.doc.errors.filter((e) => e.code !== "DUPLICATE_KEY");
    for (const { pos } of doubles) {
      const key = /^[^\s:]*/.exec(text.slice(pos[0]))?.[0];
      this.mistakes.push(this.at(pos[0], `the key \`${key}\` stands here a second time`, "each key once"));
    }
    if (first) this.mistakes.push(this.at(first.pos[0], first.message.replace(/ at line \d+.*$/s, ""), "valid YAML"));
    this.broken = beyond !== undefined || first !== undefined || this.lostAliases() || this.oddKeys() || this.unread();
  }

  /** A file of the project; where it cannot be read, that is its one mistake. */
  static open(root: string, name: string): YamlFile {
    const read = readProjectFile(root, name);
    const file = new YamlFile(name, "text" in read ? read.text : "");
    if ("text" in read) return file;
    file.broken = true;
    file.mistakes.push(file.at(0, read.wrong, "a file of the project"));
    return file;
  }

  /** `*name` without an `&name` before it. */
  private lostAliases(): boolean {
    const anchors = new Set<string>();
    let lost = 0;
    visit(this.doc, {
      Node: (_, node) => {
        if (!isAlias(node) && node.anchor) anchors.add(node.anchor);
        if (!isAlias(node) || anchors.has(node.source)) return;
        if (++lost > mostTold) return visit.BREAK;
        const near = [...anchors].slice(-mostTold);
        const message = `nothing before is marked \`&${node.source}\`${didYouMean(node.source, near)}`;
        this.mistakes.push(this.at(node.range?.[0] ?? 0, message, near.map((a) => `*${a}`).join(", ") || "a value"));
      },
    });
    return lost > 0;
  }

  /** JavaScript would silently drop the key `__proto__`, and turn a key that is not a word into one. */
  private oddKeys(): boolean {
    let odd = false;
    visit(this.doc, {
      Pair: (_, { key }) => {
        const value = isScalar(key) ? key.value : key;
        if (value !== "__proto__" && (typeof value !== "object" || value === null)) return;
        odd = true;
        const message = value === "__proto__" ? "`__proto__` is not a key" : "a key that is not a word";
        this.mistakes.push(this.at((key as Node).range?.[0] ?? 0, message, "a word"));
      },
    });
    return odd;
  }

  /** Aliases that multiply too often, or that are inside their own value. */
  private unread(): boolean {
    try {
      if (!isTooMuch(this.doc.toJS())) return false;
    } catch {} // the library's own count
    let at = 0;
    visit(this.doc, {
      Alias: (_, { range }) => {
        at = range?.[0] ?? 0;
        return visit.BREAK;
      },
    });
    this.mistakes.push(
      this.at(at, "aliases make too much of the file", "fewer aliases, and none inside its own value"),
    );
    return true;
  }

  private at(offset: number, message: string, expected?: string): Mistake {
    const { line, col } = this.counter.linePos(offset);
    const text = this.lines[line - 1] ?? "";
    return { file: this.name, line: line || 1, column: col || 1, message, text, ...(expected ? { expected } : {}) };
  }

  /** Where the value at `path` begins, or the nearest thing around it that exists; with `key`, that key of it. */
  private offset(path: Path, key?: string): number {
    for (let depth = path.length; depth >= 0; depth--) {
      const gone = this.removed.get(path.slice(0, depth).join("\0"));
      if (gone !== undefined) return gone;
      const node = this.node(path.slice(0, depth));
      if (!node?.range) continue;
      if (key !== undefined && depth === path.length && isMap(node)) {
        const pair = node.items.find((p) => isScalar(p.key) && String(p.key.value) === key);
        if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
      }
      return node.range[0];
    }
    return 0;
  }

  private node(path: Path): Node | undefined {
    return (path.length ? this.doc.getIn(path, true) : this.doc.contents) as Node | undefined;
  }

  /** The value of a key at the top; undefined where it is absent or no plain value. */
  value(key: string): unknown {
    const node = this.broken ? undefined : this.node([key]);
    return isScalar(node) ? node.value : undefined;
  }

  /** A mistake at a value, or at one of its keys. */
  mistake(path: Path, message: string, expected?: string, key?: string): Mistake {
    return this.at(this.offset(path, key), message, expected);
  }

  /**
   * The content in the schema's shape; its mistakes are recorded, and what they are about is left out.
   * @param standIn for keys that the file must have and has not.
   * @returns undefined when nothing is left to look at.
   */
  read<T extends z.ZodType>(schema: T, standIn: object): Content<z.infer<T>> | undefined {
    if (this.broken) return undefined;
    let result = schema.safeParse(this.doc.toJS());
    if (result.success) return { data: result.data, whole: true };
    const value = this.doc.toJS();
    this.mistakes.push(...result.error.issues.flatMap((issue) => explain(issue, value, schema)).map(this.place));
    for (let round = 0; round < 20 && !result.success; round++) {
      if (!isMap(this.doc.contents)) return undefined;
      for (const path of result.error.issues.flatMap(wrongParts).sort(lastFirst)) this.remove(path);
      result = schema.safeParse({ ...standIn, ...this.doc.toJS() });
    }
    return result.success ? { data: result.data, whole: false } : undefined;
  }

  private readonly place = ({ path, message, expected, key }: Explained): Mistake =>
    this.mistake(path, message, expected, key);

  /** Takes a wrong part out, or, where it is missing or stands behind an alias, the nearest part around it. */
  private remove(path: Path): void {
    this.removed.set(path.join("\0"), this.offset(path));
    for (let depth = path.length; depth > 0; depth--) {
      const around = this.node(path.slice(0, depth - 1));
      if (isCollection(around) && around.delete(path[depth - 1])) return;
    }
  }
}

/** The parts of a file that an issue is about. */
function wrongParts(issue: z.core.$ZodIssue): Path[] {
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
}

/** The later element of a list first: taking it out leaves the places of the others as they are. */
function lastFirst(a: Path, b: Path): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (part === other) continue;
    return typeof part === "number" && typeof other === "number" ? other - part : 0;
  }
  return 0;
}
