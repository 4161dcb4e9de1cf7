/**
 * Where to fetch an image from, as podman, skopeo and bootc decide it: mirrors, rewritten names, insecure and blocked
 * registries. Sources: containers-registries.conf(5); containers/image, pkg/sysregistriesv2/system_registries_v2.go.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { isDigest, nameOf, parseReference, type Reference, written } from "./reference.ts";
import { SettingsFailure } from "./settings-failure.ts";

/** One place to ask for an image. */
export interface Source {
  at: Reference;
  /** Its certificate is not checked, and it may speak http. */
  insecure: boolean;
  /** The administrator forbids it. */
  blocked: boolean;
}

interface Place {
  location: string;
  insecure: boolean;
}

interface Mirror extends Place {
  use: "all" | "digest-only" | "tag-only";
}

interface Row extends Place {
  prefix: string;
  blocked: boolean;
  mirrors: Mirror[];
}

interface Conf {
  rows: Row[];
  helpers: string[];
}

type Table = Record<string, unknown>;

/** As the other tools have it: by the variable, now. */
export const home = () => process.env.HOME || homedir();

/** The files, in the order in which a later one replaces an earlier one's rows. */
export function registryFiles(): { main: string; folders: string[] } {
  const own = join(home(), ".config/containers/registries.conf");
  const named = process.env.CONTAINERS_REGISTRIES_CONF;
  if (!named && existsSync(own)) return { main: own, folders: [`${own}.d`] };
  return {
    main: named || "/etc/containers/registries.conf",
    folders: ["/etc/containers/registries.conf.d", `${own}.d`],
  };
}

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The readers of one file's values; each says the file and the field of a wrong one. */
class Reader {
  constructor(private readonly file: string) {}

  wrong(what: string): SettingsFailure {
    return new SettingsFailure(`${this.file}: ${what}`, { next: "correct it: podman and skopeo refuse it too" });
  }

  table(value: unknown, what: string): Table {
    if (value === undefined) return {};
    if (isTable(value)) return value;
    throw this.wrong(`${what} is not a table`);
  }

  tables(value: unknown, what: string): Table[] {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every(isTable)) return value;
    throw this.wrong(`${what} is not a list of tables`);
  }

  words(value: unknown, what: string): string[] {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every((v) => typeof v === "string")) return value;
    throw this.wrong(`${what} is not a list of words`);
  }

  flag(value: unknown, what: string): boolean {
    if (value === undefined || typeof value === "boolean") return value ?? false;
    throw this.wrong(`${what} is neither true nor false`);
  }

  location(value: unknown, what: string): string {
    if (value !== undefined && typeof value !== "string") throw this.wrong(`${what} is not text`);
    const text = (value ?? "").replace(/\/+$/, "");
    if (/^https?:\/\//.test(text)) throw this.wrong(`${what} begins with http(s)://, which no location may`);
    return text;
  }
}

function mirror(row: Table, byDigestOnly: boolean, read: Reader): Mirror {
  const location = read.location(row.location, "registry.mirror.location");
  if (!location) throw read.wrong("a registry.mirror has no location");
  const use = row["pull-from-mirror"] ?? (byDigestOnly ? "digest-only" : "all");
  if (use !== "all" && use !== "digest-only" && use !== "tag-only")
    throw read.wrong("pull-from-mirror is none of all, digest-only, tag-only");
  return { location, insecure: read.flag(row.insecure, "registry.mirror.insecure"), use };
}

function row(table: Table, read: Reader): Row {
  const location = read.location(table.location, "registry.location");
  const prefix = read.location(table.prefix, "registry.prefix") || location;
  if (!prefix) throw read.wrong("a registry has neither prefix nor location");
  if (!location && !prefix.startsWith("*.")) throw read.wrong(`the registry ${prefix} has no location`);
  if (prefix.startsWith("*.") && /[/@:]/.test(prefix)) throw read.wrong(`the prefix ${prefix} is more than a host`);
  const byDigestOnly = read.flag(table["mirror-by-digest-only"], "mirror-by-digest-only");
  return {
    prefix,
    location,
    insecure: read.flag(table.insecure, "registry.insecure"),
    blocked: read.flag(table.blocked, "registry.blocked"),
    mirrors: read.tables(table.mirror, "registry.mirror").map((m) => mirror(m, byDigestOnly, read)),
  };
}

/** The old form: three lists of names. */
function oldRows(table: Table, read: Reader): Row[] {
  const list = (what: string) => read.words(read.table(table[what], what).registries, `registries.${what}`);
  const [insecure, blocked] = [list("insecure"), list("block")];
  return [...new Set([...insecure, ...blocked])].map((name) => {
    const location = read.location(name, "registries");
    const mirrors: Mirror[] = [];
    return { prefix: location, location, insecure: insecure.includes(name), blocked: blocked.includes(name), mirrors };
  });
}

function parseFile(file: string): { rows: Row[]; helpers: string[] | undefined } {
  const read = new Reader(file);
  let whole: Table;
  try {
    whole = Bun.TOML.parse(readFileSync(file, "utf8")) as Table;
  } catch (error) {
    throw read.wrong(error instanceof Error ? error.message : String(error));
  }
  const helpers = whole["credential-helpers"];
  return {
    rows: [
      ...oldRows(read.table(whole.registries, "registries"), read),
      ...read.tables(whole.registry, "registry").map((table) => row(table, read)),
    ],
    helpers: helpers === undefined ? undefined : read.words(helpers, "credential-helpers"),
  };
}

/** The helper name that means files such as auth.json. */
export const authFileHelper = "containers-auth.json";

function load(): Conf {
  const { main, folders } = registryFiles();
  if (process.env.CONTAINERS_REGISTRIES_CONF && !existsSync(main))
    throw new SettingsFailure(`CONTAINERS_REGISTRIES_CONF names ${main}, which is not there`, {
      next: "correct or unset it",
    });
  const inFolder = (folder: string) =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => name.endsWith(".conf"))
          .sort()
          .map((name) => join(folder, name))
      : [];
  const files = [...(existsSync(main) ? [main] : []), ...folders.flatMap(inFolder)];
  const rows = new Map<string, Row>();
  let helpers: string[] | undefined;
  for (const file of files) {
    const found = parseFile(file);
    // within a file the first row of a prefix counts, between files the last
    for (const r of found.rows.toReversed()) rows.set(r.prefix, r);
    helpers = found.helpers ?? helpers;
  }
  return { rows: [...rows.values()], helpers: helpers?.length ? helpers : [authFileHelper] };
}

/** Who is asked for a login, in order. */
export function credentialHelpers(): string[] {
  return load().helpers;
}

/** How many characters of a name a prefix covers; undefined where it does not fit. */
function covered(name: string, prefix: string): number | undefined {
  let end = prefix.length;
  if (prefix.startsWith("*.")) {
    const at = name.indexOf(prefix.slice(1));
    if (at < 0 || name.slice(0, at).includes("/")) return undefined;
    end = at + prefix.length - 1;
  } else if (!name.startsWith(prefix)) return undefined;
  return end === name.length || ":/@".includes(name.charAt(end)) ? end : undefined;
}

function find(rows: Row[], name: string): Row | undefined {
  const fitting = rows.filter((r) => covered(name, r.prefix) !== undefined);
  return fitting.sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function rewritten(at: Reference, prefix: string, location: string): Reference {
  const text = written(at);
  const made = location ? location + text.slice(covered(text, prefix)) : text;
  const found = parseReference(made);
  if (found) return found;
  throw new SettingsFailure(`${text} would be fetched from ${made}, which is not the name of an image`, {
    next: `correct the location of ${prefix} in ${registryFiles().main} or in a file next to it`,
  });
}

/** Every place where an image may be asked for, in order: its mirrors, then itself. @throws Failure for a file that is wrong */
export function pullSources(at: Reference): Source[] {
  const { rows } = load();
  const found = find(rows, nameOf(at));
  if (!found) return [{ at, insecure: false, blocked: false }];
  const unused = isDigest(at.version) ? "tag-only" : "digest-only";
  const places: Place[] = [...found.mirrors.filter((m) => m.use !== unused), found];
  return places.map(({ location, insecure }) => {
    const there = rewritten(at, found.prefix, location);
    return { at: there, insecure, blocked: find(rows, nameOf(there))?.blocked ?? false };
  });
}
