import { exit, Failure } from "../../system/errors.ts";
import { change, commandLine, type Outcome, run } from "../../system/shell.ts";
import type { Progress } from "../../system/steps.ts";
import { onPath } from "../root.ts";
import type { App } from "./list.ts";
import { candidates, type FullRef } from "./refs.ts";

/** flatpak: system-wide for root, else for the user alone. All that it is asked and all that it answers is here. */

export const remote = "flathub";

/** Flathub's description of itself; a mirror's address or a file can take its place. */
const remoteAddress = process.env.SLIPWAY_FLATHUB ?? "https://flathub.org/repo/flathub.flatpakrepo";

export const isSystem = () => process.getuid?.() === 0;
const scope = () => (isSystem() ? "--system" : "--user");

const lines = (said: string) =>
  said
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** flatpak's own reason, without its prefix. */
export function because({ said, code }: Outcome): string {
  const errors = lines(said).filter((line) => /^(error|warning):|\berror\b|failed/i.test(line));
  return (errors.at(-1) ?? lines(said).at(-1) ?? `exit code ${code}`).replace(/^(error|warning):\s*/i, "");
}

async function ask(words: string[], what: string, next: string): Promise<string[]> {
  const outcome = await run(["flatpak", ...words]);
  if (outcome.code === 0) return lines(outcome.stdout);
  throw new Failure(exit.failed, what, { tried: [commandLine(["flatpak", ...words]), because(outcome)], next });
}

/** @throws Failure (missing) */
export function needFlatpak(): void {
  if (onPath("flatpak")) return;
  throw new Failure(exit.missing, "this machine has no flatpak", {
    tried: ["flatpak on the PATH"],
    next: "install the package flatpak; an image that has it is better",
  });
}

/** This machine's arch, as flatpak names it. */
export async function defaultArch(): Promise<string> {
  const [arch = ""] = await ask(["--default-arch"], "flatpak does not say its arch", "see flatpak --default-arch");
  return arch;
}

/** Everything that is installed; for a user that is also what is there for everybody. */
export async function installed(): Promise<Set<FullRef>> {
  const of = async (kind: "app" | "runtime") => {
    const words = ["list", `--${kind}`, "--all", "--columns=ref", ...(isSystem() ? ["--system"] : [])];
    const next = "see what it says by itself: flatpak list";
    return (await ask(words, "flatpak does not say what is installed", next)).map((ref) => `${kind}/${ref}`);
  };
  return new Set([...(await of("app")), ...(await of("runtime"))]);
}

export interface RemoteState {
  exists: boolean;
  /** A file on this machine says which apps it shows (xa.filter): Fedora has one for Flathub. */
  isFiltered: boolean;
}

/** What flatpak knows of the remote. @throws Failure also where somebody switched it off */
export async function remoteState(): Promise<RemoteState> {
  const words = ["remotes", scope(), "--show-disabled", "--columns=name,options"];
  const rows = await ask(
    words,
    "flatpak does not say which remotes it has",
    "see what it says by itself: flatpak remotes",
  );
  const row = rows.map((line) => line.split(/\s+/)).find(([name]) => name === remote);
  const options = row?.[1]?.split(",") ?? [];
  if (options.includes("disabled"))
    throw new Failure(exit.failed, `the remote ${remote} is switched off on this machine`, {
      tried: [commandLine(["flatpak", ...words])],
      next: `if you want it: flatpak remote-modify ${scope()} --enable ${remote}`,
    });
  return { exists: row !== undefined, isFiltered: options.includes("filtered") };
}

async function changeRemote(words: string[], what: string, next: string, dryRun: boolean, progress?: Progress) {
  const outcome = await change(words, { dryRun, ...(progress ? { log: progress.log } : {}) });
  if (outcome.code !== 0) throw new Failure(exit.failed, what, { tried: [commandLine(words), because(outcome)], next });
}

/** @throws Failure */
export function addRemote(dryRun: boolean, progress?: Progress): Promise<void> {
  const add = ["flatpak", "remote-add", scope(), "--if-not-exists", remote, remoteAddress];
  const next = "check the network, and run this again";
  return changeRemote(add, `the remote ${remote} could not be added`, next, dryRun, progress);
}

/** The words that show all of a filtered remote. Source: flatpak-remote-modify(1). */
export const liftWords = () => ["flatpak", "remote-modify", scope(), "--no-filter", remote];

/** @throws Failure */
export function liftFilter(dryRun: boolean, progress?: Progress): Promise<void> {
  const next = `see which file it is: flatpak remotes ${scope()} --columns=name,filter`;
  return changeRemote(liftWords(), `the filter of ${remote} could not be lifted`, next, dryRun, progress);
}

/** The words that install refs, all in one transaction. */
export function installWords(refs: string[]): string[] {
  return ["flatpak", "install", scope(), "--assumeyes", "--noninteractive", remote, ...refs];
}

/** Everything that the remote shows for the archs that this machine runs, or for another one. */
async function shown(arch: string | undefined): Promise<Set<FullRef>> {
  const words = ["remote-ls", scope(), "--all", "--columns=ref", ...(arch ? [`--arch=${arch}`] : []), remote];
  return new Set(await ask(words, `${remote} does not answer`, "check the network, and run this again"));
}

/**
 * What the remote has for each entry of a list. An entry that names no arch means those that this machine runs.
 * @throws Failure where it does not answer
 */
export async function available(apps: App[]): Promise<(app: App) => FullRef[]> {
  const archs = [...new Set(apps.map(({ arch }) => arch))];
  const refs = new Map(await Promise.all(archs.map(async (arch) => [arch, await shown(arch)] as const)));
  const ownArch = await defaultArch();
  return (app) => candidates(app, refs.get(app.arch) ?? [], ownArch);
}
