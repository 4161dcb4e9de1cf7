import type { Arguments } from "../../cli/args.ts";
import { paint, print, printJson, say, table } from "../../system/output.ts";
import { commandLine } from "../../system/shell.ts";
import { allowedBy } from "../old-image.ts";
import { asRoot, keepRootsPath } from "../root.ts";
import { checkAll } from "./check.ts";
import { rebootDue } from "./os.ts";
import { plan, runAll } from "./run.ts";

/** By part the options that name it; `fw` is GuaraOS' older word. */
const options = {
  os: ["os"],
  firmware: ["firmware", "fw"],
  flatpak: ["flatpak"],
  brew: ["brew"],
  distrobox: ["distrobox"],
};

/** The parts that were asked for; none means everything. */
function namedParts(args: Arguments): string[] {
  if (args.has("all")) return [];
  return Object.entries(options).flatMap(([part, words]) => (words.some((word) => args.has(word)) ? [part] : []));
}

/** The command `update`: brings this machine up to date, or with --check tells what would come. @returns the exit code */
export async function update(args: Arguments): Promise<number> {
  keepRootsPath();
  const named = namedParts(args);
  const allow = allowedBy((option) => args.has(option));
  if (args.has("check")) {
    const { coming, code } = await checkAll(named, allow);
    if (args.has("json")) printJson(coming);
    else print(table(coming.map(({ part, state, said }) => [part, state, said])));
    return code;
  }
  const dryRun = args.has("dry-run");
  const { done, code } = await runAll(plan(named, dryRun, allow));
  const due = dryRun ? undefined : await rebootDue();
  if (args.has("json")) printJson({ parts: done, reboot: due ?? null });
  else print(table(done.map(({ part, state, said }) => [part, state, said])));
  if (due) say(`${paint.yellow("a reboot is due:")} ${due}; next: ${commandLine(asRoot(["systemctl", "reboot"]))}`);
  return code;
}
