import type { Arguments } from "../../cli/args.ts";
import { exit, Failure } from "../../cli/errors.ts";
import { print, printJson, say } from "../../cli/output.ts";
import { change } from "../../cli/shell.ts";
import { exitCode, runSteps, type Step } from "../../cli/steps.ts";
import { keepRootsPath } from "../root.ts";
import { choose, review } from "./choose.ts";
import {
  ensureRemote,
  install,
  installed,
  installWords,
  isSystem,
  needFlatpak,
  type Outcomes,
  remote,
} from "./flatpak.ts";
import type { App } from "./list.ts";
import { named, offered } from "./sources.ts";

/** What is to be installed: named, all of the lists, or chosen on a terminal. */
async function wanted(args: Arguments, there: Set<string>, where: string): Promise<App[]> {
  const ids = [...args.values("only"), ...args.words];
  const all = ids.length ? named(ids) : await offered(args.value("list"));
  if (!args.has("all") && ids.length === 0) return choose(all, there, where);
  return args.has("review") ? review(all, all, where) : all;
}

function steps(apps: App[], outcomes: Outcomes): Step<unknown>[] {
  return [
    {
      id: "flatpak-remote",
      title: `the remote ${remote}`,
      after: [],
      run: (progress) => ensureRemote(false, progress),
    },
    {
      id: "flatpak-install",
      title: `install ${apps.length} ${apps.length === 1 ? "app" : "apps"}`,
      after: ["flatpak-remote"],
      run: async (progress) => {
        Object.assign(outcomes, await install(apps, progress));
        const { failed } = outcomes;
        if (failed.length)
          throw new Failure(exit.failed, `${failed.length} of ${apps.length} could not be installed`, {
            tried: failed.map(({ id, because }) => `${id}: ${because}`),
            next: "what went well stays; run this again to try only the rest",
            log: progress.log,
          });
      },
    },
  ];
}

/** The command `install-flatpaks`. @returns the exit code */
export async function installFlatpaks(args: Arguments): Promise<number> {
  keepRootsPath();
  needFlatpak();
  const where = isSystem() ? "for everybody" : "for you";
  const there = await installed();
  const all = await wanted(args, there, where);
  const apps = all.filter(({ id }) => !there.has(id));
  const already = all.filter(({ id }) => there.has(id)).map(({ id }) => id);
  const outcomes: Outcomes = { installed: [], failed: [] };
  let code: number = exit.done;
  if (args.has("dry-run")) {
    await ensureRemote(true);
    if (apps.length) await change(installWords(apps), { dryRun: true });
  } else if (apps.length) code = exitCode(await runSteps(steps(apps, outcomes), 1));
  if (args.has("json"))
    printJson({ scope: isSystem() ? "system" : "user", wanted: apps.map(({ id }) => id), already, ...outcomes });
  else for (const id of outcomes.installed) print(id);
  if (apps.length === 0) say(all.length ? "all of them are installed already" : "nothing was chosen, nothing was done");
  return code;
}
