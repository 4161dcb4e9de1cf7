import type { Arguments } from "../../cli/args.ts";
import { confirm } from "../../cli/prompts.ts";
import { exit, Failure } from "../../system/errors.ts";
import { canAsk, print, printJson, say } from "../../system/output.ts";
import { change, commandLine } from "../../system/shell.ts";
import { exitCode, runSteps, type Step } from "../../system/steps.ts";
import { keepRootsPath } from "../root.ts";
import { choose, review } from "./choose.ts";
import {
  addRemote,
  available,
  defaultArch,
  installed,
  installWords,
  isSystem,
  liftFilter,
  liftWords,
  needFlatpak,
  type RemoteState,
  remote,
  remoteState,
} from "./flatpak.ts";
import { install, type Outcomes } from "./install.ts";
import type { App } from "./list.ts";
import { isThere } from "./refs.ts";
import { named, offered } from "./sources.ts";

/** What is to be installed: named, all of the lists, or chosen on a terminal. */
async function wanted(args: Arguments, isIn: (app: App) => boolean, where: string): Promise<App[]> {
  const ids = [...args.values("only"), ...args.words];
  const all = ids.length ? named(ids) : await offered(args.value("list"));
  if (!args.has("all") && ids.length === 0) return choose(all, isIn, where);
  return args.has("review") ? review(all, all, where) : all;
}

/** Whether the filter of the remote is to be lifted: by the option, or where somebody who misses an app says so. */
async function mayLift(args: Arguments, apps: App[], { isFiltered }: RemoteState): Promise<boolean> {
  if (!isFiltered) return false;
  if (args.has("no-filter")) return true;
  if (!canAsk || args.has("dry-run")) return false;
  const refsOf = await available(apps);
  const hidden = apps.filter((app) => refsOf(app).length === 0);
  if (hidden.length === 0) return false;
  say(`${remote} is filtered on this machine, and does not show: ${hidden.map(({ ref }) => ref).join(" ")}`);
  return confirm(`Show all of it from now on? (${commandLine(liftWords())})`, false);
}

interface Plan {
  apps: App[];
  state: RemoteState;
  lift: boolean;
  ownArch: string;
}

function steps({ apps, state, lift, ownArch }: Plan, outcomes: Outcomes): Step<unknown>[] {
  const prepare = async (progress: Parameters<typeof install>[3]) => {
    if (!state.exists) await addRemote(false, progress);
    if (lift) await liftFilter(false, progress);
  };
  return [
    { id: "flatpak-remote", title: `the remote ${remote}`, after: [], run: prepare },
    {
      id: "flatpak-install",
      title: `install ${apps.length} ${apps.length === 1 ? "app" : "apps"}`,
      after: ["flatpak-remote"],
      run: async (progress) => {
        const isFiltered = state.isFiltered && !lift;
        Object.assign(outcomes, await install(apps, { ...state, isFiltered }, ownArch, progress));
        const { failed } = outcomes;
        if (failed.length)
          throw new Failure(exit.failed, `${failed.length} of ${apps.length} could not be installed`, {
            tried: failed.map(({ ref, because }) => `${ref}: ${because}`),
            next: isFiltered
              ? `to see all of ${remote}: ${commandLine(liftWords())}, or run this again with --no-filter`
              : "what went well stays; run this again to try only the rest",
            log: progress.log,
          });
      },
    },
  ];
}

async function showPlan({ apps, state, lift }: Plan): Promise<void> {
  if (!state.exists) await addRemote(true);
  if (lift) await liftFilter(true);
  if (apps.length) await change(installWords(apps.map(({ ref }) => ref)), { dryRun: true });
}

/** The command `install-flatpaks`. @returns the exit code */
export async function installFlatpaks(args: Arguments): Promise<number> {
  keepRootsPath();
  needFlatpak();
  const where = isSystem() ? "for everybody" : "for you";
  const [there, ownArch] = [await installed(), await defaultArch()];
  const isIn = (app: App) => isThere(app, there, ownArch);
  const all = await wanted(args, isIn, where);
  const apps = all.filter((app) => !isIn(app));
  const already = all.filter(isIn).map(({ ref }) => ref);
  const outcomes: Outcomes = { installed: [], failed: [] };
  let code: number = exit.done;
  if (apps.length || args.has("dry-run")) {
    const state = await remoteState();
    const plan = { apps, state, lift: await mayLift(args, apps, state), ownArch };
    if (args.has("dry-run")) await showPlan(plan);
    else code = exitCode(await runSteps(steps(plan, outcomes), 1));
  }
  if (args.has("json"))
    printJson({ scope: isSystem() ? "system" : "user", wanted: apps.map(({ ref }) => ref), already, ...outcomes });
  else for (const ref of outcomes.installed) print(ref);
  if (apps.length === 0) say(all.length ? "all of them are installed already" : "nothing was chosen, nothing was done");
  return code;
}
