import { existsSync, readFileSync, statfsSync } from "node:fs";
import { dirname } from "node:path";

/** What this machine has, read and not asked of any tool. */

export interface Space {
  path: string;
  /** Bytes that are free for us. */
  free: number;
  total: number;
}

/** The space where `path` is, or will be. */
export function spaceAt(path: string): Space {
  let there = path;
  while (!existsSync(there) && there !== dirname(there)) there = dirname(there);
  const { bavail, blocks, bsize } = statfsSync(there);
  return { path, free: bavail * bsize, total: blocks * bsize };
}

export interface Memory {
  total: number;
  available: number;
}

/** Source of the field names: proc_meminfo(5), in units of 1024 bytes. */
export function parseMemory(meminfo: string): Memory {
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  return { total: field("MemTotal"), available: field("MemAvailable") };
}

export function memory(): Memory {
  return parseMemory(readFileSync("/proc/meminfo", "utf8"));
}

/** Where a registry of this name is asked: Docker Hub is not where its images' names say. */
function host(registry: string): string {
  return registry === "docker.io" ? "registry-1.docker.io" : registry;
}

export interface Answer {
  registry: string;
  answers: boolean;
  /** The error's own words where it does not. */
  because?: string;
}

/** Whether a registry answers at all: a refusal for want of a login is an answer. */
export async function askRegistry(registry: string, patience = 3000): Promise<Answer> {
  try {
    await fetch(`https://${host(registry)}/v2/`, { signal: AbortSignal.timeout(patience), redirect: "manual" });
    return { registry, answers: true };
  } catch (error) {
    return { registry, answers: false, because: error instanceof Error ? error.message : String(error) };
  }
}
