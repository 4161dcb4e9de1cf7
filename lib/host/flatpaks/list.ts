/**
 * Lists of Flatpaks: one a line, `#` begins a comment, and a comment of at most three words is the category of what follows.
 * A line is an ID (org.inkscape.Inkscape), an ID with a branch (ID//beta) or a whole ref (app/ID/ARCH/BRANCH): all but the ID can be
 * left out.
 */

export interface App {
  id: string;
  kind?: "app" | "runtime";
  arch?: string;
  branch?: string;
  /** As it is written: what flatpak calls a partial ref. */
  ref: string;
  category: string;
}

export interface ListMistake {
  /** From 1 up. */
  line: number;
  text: string;
}

/** At least three parts that begin with no digit; a hyphen in the last one only. Source: flatpak's docs, "Conventions". */
const id = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\.[A-Za-z_][\w-]*$/;
const ref = /^(?:(app|runtime)\/)?([\w.-]+)(?:\/([\w-]*)(?:\/((?:[\w-][\w.-]*)?))?)?$/;
const heading = /^#+\s*([\w&+/-]+(?: [\w&+/-]+){0,2})$/;

/** Reads one entry; undefined for what is no app. */
export function toApp(text: string, category: string): App | undefined {
  const [, kind, found = "", arch, branch] = ref.exec(text) ?? [];
  if (found.length > 255 || !id.test(found)) return undefined;
  return {
    id: found,
    ...(kind ? { kind: kind === "app" ? "app" : "runtime" } : {}),
    ...(arch ? { arch } : {}),
    ...(branch ? { branch } : {}),
    ...{ ref: text, category },
  };
}

/** @param category of what stands before the first heading. */
export function parseList(text: string, category: string): { apps: App[]; mistakes: ListMistake[] } {
  const apps: App[] = [];
  const mistakes: ListMistake[] = [];
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line.startsWith("#")) {
      category = heading.exec(line)?.[1] ?? category;
      continue;
    }
    const entry = line.replace(/\s+#.*$/, "");
    if (entry === "") continue;
    const app = toApp(entry, category);
    if (app) apps.push(app);
    else mistakes.push({ line: i + 1, text: entry });
  }
  return { apps, mistakes };
}

/** Kind, ID, arch and branch, as far as they are named: two branches are two things. */
const identity = ({ kind, id, arch, branch }: App) => [kind, id, arch, branch].join("/");

/** Lists one after the other, each entry once: the first that names it says its category. Categories stay together. */
export function merge(lists: App[][]): App[] {
  const once = new Map<string, App>();
  for (const app of lists.flat()) if (!once.has(identity(app))) once.set(identity(app), app);
  const byCategory = Map.groupBy(once.values(), (app) => app.category);
  return [...byCategory.values()].flat();
}

/** The list as a file for an editor: what is not chosen (by its `ref`) stands there as a comment. */
export function reviewText(all: App[], chosen: Set<string>, where: string): string {
  const lines = [
    `# These apps are installed ${where} when this is saved and the editor is left.`,
    "# A line that begins with # is left out; an empty list installs nothing.",
  ];
  let category: string | undefined;
  for (const app of all) {
    if (app.category !== category) lines.push("", `# ${app.category}`);
    category = app.category;
    lines.push(chosen.has(app.ref) ? app.ref : `#${app.ref}`);
  }
  return `${lines.join("\n")}\n`;
}
