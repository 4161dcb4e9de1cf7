import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { containerMark, ownFolder } from "../system/owner.ts";
import { statePath } from "../system/project.ts";
import { type Answer, question } from "../system/question.ts";
import { type Outcome, type RunOptions, run } from "../system/shell.ts";
import { readState, textOf, writeState, writeWhole } from "../system/state-file.ts";
import { type Cgroups, containersConf, merge, type PodmanFacts, type Table } from "./containers-conf.ts";
import { installCommand, type PackageNames } from "./package-manager.ts";
import { idMapPackages } from "./rootless.ts";

/** The oldest podman that Slipway works with, and the package that brings it. */
export const podmanFloor = "4.3.1";
export const podmanPackages = { apt: "podman", dnf: "podman", pacman: "podman" };

/** podman 4.5 brought CONTAINERS_CONF_OVERRIDE; before, CONTAINERS_CONF replaces all other files. */
const overrideSince = "4.6.0";

/** The answer of an earlier run, good as long as what it was made from stays as it was. */
interface Settled {
  basis: string;
  variable: "CONTAINERS_CONF" | "CONTAINERS_CONF_OVERRIDE";
  /** Our file is needed. */
  needed: boolean;
}

function cgroups(): Cgroups {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return "v2";
  return existsSync("/sys/fs/cgroup/unified/cgroup.controllers") ? "hybrid" : "v1";
}

/** Bit 24 of the capabilities, capabilities(7). */
const capSysResource = 1n << 24n;

function hardLimit(limits: string, name: string): number {
  const hard = new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, "m").exec(limits)?.[1];
  return hard === undefined || hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
}

/** What is looked at on the machine: a few small reads, no process. */
export function podmanFacts(): PodmanFacts {
  const capabilities = /^CapEff:\s*([0-9a-f]+)/m.exec(textOf("/proc/self/status"))?.[1] ?? "0";
  const limits = textOf("/proc/self/limits");
  return {
    cgroups: cgroups(),
    // podman looks into these folders too, whatever the PATH is
    runc: Bun.which("runc", { PATH: `${process.env.PATH ?? ""}:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin` }),
    isRoot: process.getuid?.() === 0,
    mayRaiseLimits: (BigInt(`0x${capabilities}`) & capSysResource) !== 0n,
    openFiles: hardLimit(limits, "Max open files"),
    // podman lowers its own limit to the greatest process id, and cannot raise it again
    processes: Math.min(hardLimit(limits, "Max processes"), Number(textOf("/proc/sys/kernel/pid_max")) || 4096),
  };
}

/** The containers.conf files that podman itself reads, in its order. */
function userConfFiles(): string[] {
  const own = join(process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config"), "containers");
  const folders = ["/etc/containers", ...(process.getuid?.() === 0 ? [] : [own])];
  const parts = (folder: string) => {
    try {
      const names = readdirSync(folder).filter((name) => name.endsWith(".conf"));
      return names.sort().map((name) => join(folder, name));
    } catch {
      return [];
    }
  };
  return [
    "/usr/share/containers/containers.conf",
    ...folders.flatMap((folder) => [join(folder, "containers.conf"), ...parts(join(folder, "containers.conf.d"))]),
  ];
}

function stamp(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${path} ${stat.mtimeMs} ${stat.size}` : `${path} -`;
}

export function podmanMissing(): Failure {
  return new Failure(exit.missing, "podman is not on this machine", {
    tried: ["podman on the PATH"],
    next: installCommand(neededPackages()) ?? `install podman ${podmanFloor} or later`,
  });
}

/** podman, and what it needs beside itself where this is not root. */
function neededPackages(): PackageNames[] {
  return process.getuid?.() === 0 ? [podmanPackages] : [podmanPackages, idMapPackages];
}

/** @param program a name on the PATH, or a path. @throws Failure for one that does not say it, or is too old */
export async function podmanVersion(program: string): Promise<string> {
  const { stdout, stderr } = await question([program, "--version"]);
  const version = /(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (version === undefined)
    throw new Failure(exit.missing, "podman does not say its version", {
      tried: [`${program} --version`, ...`${stdout}${stderr}`.trim().split("\n").slice(-3)],
      next: "see that podman runs at all: podman info",
    });
  if (Bun.semver.order(version, podmanFloor) < 0)
    throw new Failure(exit.missing, `podman ${version} is too old: ${podmanFloor} is the oldest that works`, {
      tried: [program],
      next: installCommand([podmanPackages]) ?? "install a newer podman",
    });
  return version;
}

async function settle(basis: string, facts: PodmanFacts, program: string, confFiles: string[]): Promise<Settled> {
  const version = await podmanVersion(program);
  const replaces = Bun.semver.order(version, overrideSince) < 0;
  const users = confFiles
    .filter((path) => existsSync(path))
    .map((path): Table => {
      try {
        return Bun.TOML.parse(readFileSync(path, "utf8")) as Table;
      } catch {
        return {}; // podman itself will say what is wrong with it
      }
    })
    .reduce(merge, {});
  const text = containersConf(facts, users, replaces);
  if (text !== undefined) writeWhole(statePath("containers.conf"), text);
  return {
    basis,
    variable: replaces ? "CONTAINERS_CONF" : "CONTAINERS_CONF_OVERRIDE",
    needed: text !== undefined,
  };
}

let answer: Promise<Record<string, string>> | undefined;

/**
 * The environment that this machine's podman needs: a variable that names our own containers.conf, or nothing.
 * Settled answers are kept in `.slipway/podman.json`, so that a command pays a few small reads and no process.
 * A CONTAINERS_CONF or CONTAINERS_CONF_OVERRIDE of the user's is taken as the last word.
 * @throws Failure (missing) without podman, or with one that is too old
 */
export function podmanEnv(): Promise<Record<string, string>> {
  answer ??= findPodmanEnv();
  return answer;
}

async function findPodmanEnv(): Promise<Record<string, string>> {
  const program = Bun.which("podman");
  if (!program) throw podmanMissing();
  if (process.env.CONTAINERS_CONF || process.env.CONTAINERS_CONF_OVERRIDE) return {};
  const facts = podmanFacts();
  const confFiles = userConfFiles();
  const basis = JSON.stringify([facts, stamp(program), ...confFiles.map(stamp)]);
  const memory = statePath("podman.json");
  const conf = statePath("containers.conf");
  let settled = (readState(memory) ?? {}) as Partial<Settled>;
  if (settled.basis !== basis || (settled.needed && !existsSync(conf))) {
    settled = await settle(basis, facts, program, confFiles);
    writeState(memory, settled);
  }
  return settled.needed && settled.variable ? { [settled.variable]: conf } : {};
}

/**
 * Where podman puts its temporary files: into this command's own folder, which goes when the command ends. podman leaves small files
 * when it is ended at a bad moment, even by `image ls`. Without root, podman's own folder is below TMPDIR unless another one is set: then
 * TMPDIR must not change.
 */
function ownTmp(): Record<string, string> {
  if (process.getuid?.() !== 0 && !process.env.XDG_RUNTIME_DIR) return {};
  try {
    return { TMPDIR: ownFolder() };
  } catch {
    return {}; // a question is answered on a full disk too
  }
}

/** Asks podman something with the settings that this machine needs. */
export async function askPodman(...args: string[]): Promise<Answer> {
  return question(["podman", ...args], { ...(await podmanEnv()), ...ownTmp() });
}

/** Commands that start a container: it gets a mark, so that the next command finds it if it is left behind. */
const starts = ["run", "create"];

/**
 * Runs podman with the settings that this machine needs. What it leaves when the command is killed, containers and temporary files,
 * carries the command's name.
 */
export async function podman(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [verb = "", ...rest] = args;
  const words = starts.includes(verb) ? [verb, ...containerMark(), ...rest] : args;
  return run(["podman", ...words], { ...options, env: { ...(await podmanEnv()), ...ownTmp(), ...options.env } });
}
