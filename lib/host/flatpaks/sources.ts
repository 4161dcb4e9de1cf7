import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { say } from "../../system/output.ts";
import { isCompiled, projectRoot } from "../../system/project.ts";
import { hostPath } from "../host-path.ts";
import { readBody, readNamed } from "../named-file.ts";
import { machineNames } from "../names.ts";
import { type App, type ListMistake, merge, parseList, toApp } from "./list.ts";

/** Where the lists come from. */

/** The family's own list, as it lies in the images. */
const curatedFile = machineNames.flatpaks.list;

/** The list of the system that many come from. Another address can take its place; an empty one means none. */
const upstreamAddress = process.env.SLIPWAY_FLATPAK_LIST ?? machineNames.flatpaks.upstream;

/** No list is larger, and nobody waits longer. */
const largest = 1_000_000;
const patience = 10_000;

function told(name: string, mistakes: ListMistake[]): string[] {
  return mistakes.map(
    ({ line, text }) => `${name}:${line}: \`${text.slice(0, 80)}\` is no app ID such as org.inkscape.Inkscape`,
  );
}

function curated(): App[] {
  const path = isCompiled ? hostPath(curatedFile) : join(projectRoot, "overlays/base", curatedFile);
  if (!existsSync(path)) {
    say(`the family's own list is not here (${path}): it is left out`);
    return [];
  }
  const { apps, mistakes } = parseList(readFileSync(path, "utf8"), "other");
  for (const line of told(path, mistakes)) say(`left out: ${line}`);
  return apps;
}

async function upstream(address: string): Promise<App[]> {
  if (address === "") return [];
  say("… fetching the upstream list");
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(patience) });
    if (!answer.ok) throw new Error(`the server says ${answer.status}`);
    const { apps, mistakes } = parseList(await readBody(answer, largest), "from upstream");
    if (mistakes.length) say(`left out of the upstream list: ${mistakes.length} lines that are no app IDs`);
    return apps;
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    say(`the upstream list could not be fetched (${because}): going on without it`);
    return [];
  }
}

/** A list of the user's own. @throws Failure (usage) for a file that cannot be read or has lines that are no apps */
function own(file: string): App[] {
  let text: string;
  try {
    text = readNamed(file, largest);
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    throw new Failure(exit.usage, `the list ${file} cannot be read`, { tried: [because] });
  }
  const { apps, mistakes } = parseList(text, "own list");
  if (mistakes.length)
    throw new Failure(exit.usage, told(file, mistakes).join("\n"), { next: "fix these lines, or begin them with #" });
  if (apps.length === 0)
    throw new Failure(exit.usage, `the list ${file} names no app`, { next: "put an ID on each line" });
  return merge([apps]);
}

/** Apps that are named on the command line. @throws Failure (usage) for what is no app */
export function named(ids: string[]): App[] {
  const apps = ids.map((text) => toApp(text, "named"));
  const wrong = ids.filter((_, i) => !apps[i]);
  if (wrong.length)
    throw new Failure(exit.usage, `no app ID: ${wrong.join(" ")}`, { next: "an ID looks like org.inkscape.Inkscape" });
  return merge([apps.flatMap((app) => app ?? [])]);
}

/** What can be chosen from. @param file a list in place of the family's own and the upstream one. */
export async function offered(file: string | undefined): Promise<App[]> {
  if (file !== undefined) return own(file);
  const all = merge([curated(), await upstream(upstreamAddress)]);
  if (all.length) return all;
  throw new Failure(exit.failed, "there is no list of apps to choose from", {
    next: "name some: bun run install-flatpaks --only ID… or --list FILE",
  });
}
