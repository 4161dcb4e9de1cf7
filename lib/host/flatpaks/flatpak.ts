import { exit, Failure } from "../../cli/errors.ts";
import { change, commandLine, type Outcome, run } from "../../cli/shell.ts";
import type { Progress } from "../../cli/steps.ts";
import { onPath } from "../root.ts";
import type { App } from "./list.ts";

/** flatpak: system-wide for root, else for the user alone. Everything that it is told and everything that it says is here. */

export const remote = "flathub";

/** Flathub's description of itself; a mirror's address or a file can take its place. */
const remoteAddress = process.env.GUARA_FLATHUB ?? "https://flathub.org/repo/flathub.flatpakrepo";

export const isSystem = () => process.getuid?.() === 0;
const scope = () => (isSystem() ? "--system" : "--user");

const lines = (said: string) =>
  said
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** flatpak's own reason, without its prefix. */
function because({ said, code }: Outcome): string {
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
    next: "GuaraOS has it; elsewhere install the package flatpak",
  });
}

/** IDs of everything that is installed; for a user that is also what is there for everybody. */
export async function installed(): Promise<Set<string>> {
  const words = ["list", "--columns=application", ...(isSystem() ? ["--system"] : [])];
  return new Set(
    await ask(words, "flatpak does not say what is installed", "see what it says by itself: flatpak list"),
  );
}

/** Adds Flathub where it is missing. @returns the command line, if it was needed @throws Failure */
export async function ensureRemote(dryRun: boolean, progress?: Progress): Promise<string | undefined> {
  const words = ["remotes", scope(), "--show-disabled", "--columns=name,options"];
  const rows = await ask(
    words,
    "flatpak does not say which remotes it has",
    "see what it says by itself: flatpak remotes",
  );
  const row = rows.map((line) => line.split(/\s+/)).find(([name]) => name === remote);
  if (row?.[1]?.split(",").includes("disabled"))
    throw new Failure(exit.failed, `the remote ${remote} is switched off on this machine`, {
      tried: [commandLine(["flatpak", ...words])],
      next: `if you want it: flatpak remote-modify ${scope()} --enable ${remote}`,
    });
  if (row) return undefined;
  const add = ["flatpak", "remote-add", scope(), "--if-not-exists", remote, remoteAddress];
  const outcome = await change(add, { dryRun, ...(progress ? { log: progress.log } : {}) });
  if (outcome.code === 0) return commandLine(add);
  throw new Failure(exit.failed, `the remote ${remote} could not be added`, {
    tried: [commandLine(add), because(outcome)],
    next: "check the network, and run this again",
  });
}

/** The words that install apps, all in one transaction. */
export function installWords(apps: App[]): string[] {
  return ["flatpak", "install", scope(), "--assumeyes", "--noninteractive", remote, ...apps.map(({ ref }) => ref)];
}

export interface Outcomes {
  installed: string[];
  failed: { id: string; because: string }[];
}

/** Everything that the remote has. */
async function available(): Promise<Set<string>> {
  const words = ["remote-ls", scope(), "--columns=application", remote];
  return new Set(await ask(words, `${remote} does not answer`, "check the network, and run this again"));
}

/**
 * Installs apps in one transaction. flatpak gives all of it up where one is missing in the remote, so what the remote lacks is set
 * aside first. What a transaction left out without a word about it is tried by itself, which installs it or tells the reason.
 */
export async function install(apps: App[], progress: Progress): Promise<Outcomes> {
  progress.now(`what ${remote} has`);
  const has = await available();
  const lost = apps.filter(({ id }) => !has.has(id));
  const wanted = apps.filter(({ id }) => has.has(id));
  const reasons = new Map(lost.map(({ id }) => [id, `${remote} has no such app`]));
  const attempt = async (some: App[]) => {
    let begun = 0;
    const outcome = await run(installWords(some), {
      log: progress.log,
      onLine: (line) => {
        const what = /^(?:Installing|Updating) (?:app|runtime)\/([^/\s]+)/.exec(line.trim())?.[1];
        if (some.some(({ id }) => id === what)) begun++;
        if (what) progress.now(`${begun} of ${some.length}, ${what}`);
        const failed = /^(?:Error: )?Failed to install ([^:\s]+): (.*)$/.exec(line.trim());
        if (failed) reasons.set(failed[1] ?? "", failed[2] ?? "");
      },
    });
    const [only] = some;
    if (outcome.code !== 0 && some.length === 1 && only && !reasons.has(only.id))
      reasons.set(only.id, because(outcome));
  };
  if (wanted.length) await attempt(wanted);
  let there = await installed();
  const left = wanted.filter(({ id }) => !there.has(id) && !reasons.has(id));
  for (const app of left) await attempt([app]);
  if (left.length) there = await installed();
  const failed = apps.filter(({ id }) => !there.has(id));
  return {
    installed: wanted.filter(({ id }) => there.has(id)).map(({ id }) => id),
    failed: failed.map(({ id }) => ({
      id,
      because: reasons.get(id) ?? "flatpak says that all went well, and it is not there",
    })),
  };
}
