import { existsSync, statSync } from "node:fs";
import { delimiter } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { didYouMean } from "../system/nearest.ts";
import { isCompiled, statePath } from "../system/project.ts";
import { run } from "../system/shell.ts";
import { together } from "../system/single-flight.ts";
import { readState, writeState } from "../system/state-file.ts";
import type { Progress } from "../system/steps.ts";
import { installCommand } from "./package-manager.ts";
import type { Tool } from "./tool.ts";
import { tools } from "./tool-table.ts";
import { type Box, type ContainerOptions, inToolbox, toolboxId } from "./toolbox.ts";
import { toolboxContents } from "./toolbox-contents.ts";

/** Where a tool comes from: this machine if what is there will do, else the toolbox. */
export type Found = { tool: Tool; version?: string } & (
  | { place: "host"; path: string }
  /** `instead`: what of this machine will not do, and why. */
  | { place: "toolbox"; built: boolean; instead?: string }
  | { place: "missing"; instead?: string }
);

/** @throws Failure (usage): a name that is not in the table is a mistake of ours. */
function lookUp(name: string): Tool {
  const tool = tools.find((t) => t.name === name);
  if (tool) return tool;
  const names = tools.map((t) => t.name);
  throw new Failure(exit.usage, `no tool ${name}${didYouMean(name, names)}`, {
    choices: [`the tools: ${names.join(" ")}`],
  });
}

/** Programs of the system stand in sbin, which an ordinary user's PATH leaves out. */
function which(program: string): string | null {
  const path = [process.env.PATH ?? "", "/usr/local/sbin", "/usr/sbin", "/sbin"].join(delimiter);
  return Bun.which(program, { PATH: path });
}

/** The first number with a dot, or whatever the tool's own pattern says. */
export function readVersion(tool: Pick<Tool, "version">, said: string): string | undefined {
  return (tool.version ?? /(\d+\.\d+(?:\.\d+)*)/).exec(said)?.[1];
}

/** A version that nobody could tell counts: it is the tool that is needed. */
export async function fits(version: string | undefined, range: string): Promise<boolean> {
  if (version === undefined || range === "*") return true;
  const { coerce, satisfies } = await import("semver");
  const whole = coerce(version);
  return whole !== null && satisfies(whole, range);
}

interface Known {
  version?: string;
  trouble?: string;
}

const memoryFile = () => statePath("state", "tools.json");

const recall = () => (readState(memoryFile()) ?? {}) as Record<string, Known>;

function remember(news: Record<string, Known>): void {
  writeState(memoryFile(), { ...recall(), ...news });
}

/** Asks a program of this machine once; its time and size tell when to ask again. */
async function know(tool: Tool, path: string): Promise<Known> {
  const stat = statSync(path);
  const key = `${path} ${stat.mtimeMs} ${stat.size}`;
  return recall()[key] ?? together(key, () => askProgram(tool, path, key));
}

async function askProgram(tool: Tool, path: string, key: string): Promise<Known> {
  const version = tool.ask ? readVersion(tool, (await run([path, ...tool.ask])).said) : undefined;
  const trouble = (await fits(version, tool.range)) ? await tool.trouble?.(path) : undefined;
  const news = { ...(version === undefined ? {} : { version }), ...(trouble === undefined ? {} : { trouble }) };
  remember({ [key]: news });
  return news;
}

/** "1:11.1.3+ds-1" → "11.1.3": a Debian version without epoch, repacking and revision. */
export function upstreamVersion(debian: string): string {
  return debian.replace(/^\d+:/, "").replace(/[-+~].*$/, "");
}

const boxOf = ({ rolling }: Tool): Box => (rolling ? "rolling" : "stable");

/** Where a tool comes from, without building anything. */
export async function findTool(name: string): Promise<Found> {
  const tool = lookUp(name);
  let instead: string | undefined;
  for (const path of tool.files ?? []) if (existsSync(path)) return { tool, place: "host", path };
  for (const program of tool.files ? [] : (tool.programs?.() ?? [tool.name])) {
    const path = which(program);
    if (!path) continue;
    const { version, trouble } = await know(tool, path);
    const told = version === undefined ? {} : { version };
    const good = await fits(version, tool.range);
    if (good && !trouble) return { tool, place: "host", path, ...told };
    instead ??= `${path} ${version ?? ""}: ${trouble ?? `not ${tool.range}`}`;
  }
  const because = instead === undefined ? {} : { instead };
  if (!tool.toolbox || isCompiled) return { tool, place: "missing", ...because };
  let built = false;
  try {
    built = (await toolboxId(boxOf(tool))) !== undefined;
  } catch {
    return { tool, place: "missing", ...because };
  }
  const inside = built ? (await toolboxContents(boxOf(tool))).packages[tool.toolbox] : undefined;
  const version = inside === undefined ? undefined : upstreamVersion(inside);
  return { tool, place: "toolbox", built, ...because, ...(version === undefined ? {} : { version }) };
}

/** The command that puts a tool on this machine; undefined where no package of its distribution will do. */
export function fixCommand(found: Found): string | undefined {
  return found.place === "missing" ? installCommand([found.tool.packages]) : undefined;
}

/**
 * The words that run a tool, to be followed by its own; the toolbox is built if that is where the tool is.
 * @param options for a tool in the toolbox: where it runs and what it sees beside the project.
 * @throws Failure (missing) with the command that fixes it
 */
export async function tool(name: string, options: ContainerOptions & { progress?: Progress } = {}): Promise<string[]> {
  const found = await findTool(name);
  if (found.place === "host") return [found.path];
  if (found.place === "missing")
    throw new Failure(exit.missing, `${name} is not on this machine (${found.tool.purpose})`, {
      tried: [found.instead ?? `${name} on the PATH`],
      next: fixCommand(found) ?? (isCompiled ? `install ${name}` : "bun run doctor"),
    });
  const program = found.tool.programs?.()[0] ?? name;
  return [...(await inToolbox(found.tool.container?.() ?? [], { ...options, box: boxOf(found.tool) })), program];
}

/** Every tool of the table: where it was found, and the command that fixes it. */
export async function checkTools(): Promise<{ found: Found; fix: string | undefined }[]> {
  const all = [];
  for (const { name } of tools) {
    const found = await findTool(name);
    all.push({ found, fix: fixCommand(found) });
  }
  return all;
}
