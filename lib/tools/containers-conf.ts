/**
 * What podman must be told on a machine that is not as podman expects it.
 *
 * 1. crun refuses a hybrid cgroup tree (version 1 with version 2 beside it), runc does not: there runc is named.
 * 2. podman raises the limits of a container above its own, which root may not do without CAP_SYS_RESOURCE: there the
 *    limits that it has are named, and no limit of processes is asked of a cgroup. Without root podman minds this itself.
 * 3. What the user's own files say about these settings is left alone.
 */

export type Cgroups = "v1" | "hybrid" | "v2";

export interface PodmanFacts {
  cgroups: Cgroups;
  /** The path of runc, where it is on the machine. */
  runc: string | null;
  isRoot: boolean;
  /** The process has CAP_SYS_RESOURCE. */
  mayRaiseLimits: boolean;
  /** The most that a container may have without raising a limit; Infinity for no bound. */
  openFiles: number;
  processes: number;
}

type Value = string | number | boolean | Value[] | Table;
export interface Table {
  [key: string]: Value;
}

/** podman's own limit for a container; with a hard limit at or above it nothing has to be said. */
const podmanLimit = 1_048_576;

/** The settings that these facts ask for; empty where podman runs as it is. */
export function neededSettings(facts: PodmanFacts): { containers?: Table; engine?: Table } {
  const containers: Table = {};
  if (facts.isRoot && !facts.mayRaiseLimits) {
    const limits = [
      ["nofile", facts.openFiles],
      ["nproc", facts.processes],
    ] as const;
    const low = limits.filter(([, hard]) => hard < podmanLimit).map(([name, hard]) => `${name}=${hard}:${hard}`);
    if (low.length) containers.default_ulimits = low;
    containers.pids_limit = 0;
  }
  return {
    ...(Object.keys(containers).length ? { containers } : {}),
    ...(facts.cgroups === "hybrid" && facts.runc ? { engine: { runtime: facts.runc } } : {}),
  };
}

function isTable(value: Value | undefined): value is Table {
  return typeof value === "object" && !Array.isArray(value);
}

/** `over` laid on `under`, table by table. */
export function merge(under: Table, over: Table): Table {
  const result: Table = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const old = result[key];
    result[key] = isTable(old) && isTable(value) ? merge(old, value) : value;
  }
  return result;
}

/** `wanted` without the settings that `users` has. */
function without(wanted: Table, users: Table): Table {
  const left: Table = {};
  for (const [key, value] of Object.entries(wanted)) {
    const theirs = users[key];
    if (isTable(value)) {
      const rest = without(value, isTable(theirs) ? theirs : {});
      if (Object.keys(rest).length) left[key] = rest;
    } else if (theirs === undefined) left[key] = value;
  }
  return left;
}

/**
 * The text of our own containers.conf.
 * @param users what the machine's and the user's containers.conf files say, merged.
 * @param replaces podman reads our file instead of theirs, not after theirs; then ours repeats theirs.
 * @returns undefined where no file is needed.
 */
export function containersConf(facts: PodmanFacts, users: Table, replaces: boolean): string | undefined {
  const own = without(neededSettings(facts), users);
  if (Object.keys(own).length === 0) return undefined;
  const head = "# Written by Slipway for this machine and written again when it changes; see docs/architecture.md.\n";
  return head + toToml(replaces ? merge(users, own) : own);
}

const key = (name: string) => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));

/** As much of TOML as containers.conf uses: tables of strings, numbers, truth values and lists of them. */
export function toToml(table: Table, path: string[] = []): string {
  const entries = Object.entries(table);
  const plain = entries.filter(([, value]) => !isTable(value));
  const lines = plain.map(([name, value]) => `${key(name)} = ${inline(value)}\n`);
  const head = path.length && (plain.length || entries.length === 0) ? [`\n[${path.map(key).join(".")}]\n`] : [];
  const tables = entries.flatMap(([name, value]) => (isTable(value) ? [toToml(value, [...path, name])] : []));
  return [...head, ...lines, ...tables].join("");
}

function inline(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isTable(value)) return `{${Object.entries(value).map(([k, v]) => `${key(k)} = ${inline(v)}`)}}`;
  return JSON.stringify(value);
}
