import { closeSync, existsSync, lstatSync, openSync } from "node:fs";
import type { Arguments } from "../../cli/args.ts";
import { exit, Failure } from "../../system/errors.ts";
import { paint, print, printJson, say } from "../../system/output.ts";
import { bytesBelow } from "../../system/remnants.ts";
import { lock } from "../libc.ts";
import { machineNames, typed } from "../names.ts";
import { keepRootsPath } from "../root.ts";
import { type Asking, chooseUser, makeChoices, mustDecide, readAnswers, sayTheWord } from "./choices.ts";
import { Journal } from "./journal.ts";
import { lookAtMachine } from "./look/machine-look.ts";
import { lookAtHome, lookAtUser, roomFor } from "./look/user-look.ts";
import { at, type Machine, machineAt } from "./machine.ts";
import { newPlan } from "./new-plan.ts";
import { type Plan, planLines } from "./plan.ts";
import { Bar } from "./progress.ts";
import { machineRefusals } from "./refusals/machine.ts";
import { refuse, refuseDepth, refuseRoom } from "./refusals/refusal.ts";
import { onlyToBegin, userRefusals } from "./refusals/user.ts";
import { reportPath } from "./report.ts";
import { free, rollBack } from "./rollback.ts";
import { goOn } from "./run.ts";

/**
 * `NAME-migrate`: looks, shows a plan, asks, and only then begins. What was begun continues; what is done is done.
 * @returns the exit code
 */
export async function migrate(args: Arguments): Promise<number> {
  keepRootsPath();
  const machine = machineAt(args.value("root"));
  const json = args.has("json");
  const unlock = takeLock(machine);
  try {
    if (args.has("rollback")) return await back(machine, args);
    const begun = openJournal(machine);
    const other = args.value("user");
    const goesOn = begun && !(begun.isFinished && other !== undefined && other !== begun.plan.user.name);
    if (begun?.isRollingBack)
      throw new Failure(exit.failed, "a rollback was begun and not ended", { next: `${typed("migrate")} --rollback` });
    if (goesOn && !begun.isFinished && begun.plan.version === 1)
      throw new Failure(
        exit.failed,
        `an older ${typed("migrate")} began this: the new home is where others can reach it`,
        {
          next: `take it back with ${typed("migrate")} --rollback, then start again`,
        },
      );
    if (goesOn && begun.isFinished) return tell(begun, "done already", json);
    if (goesOn) {
      say(`a migration of ${begun.plan.user.name} was begun: it continues where it stopped`);
      if (args.has("dry-run")) return tell(begun, "begun", json);
      refuse(machineRefusals, await lookAtMachine(machine));
      await goOn(machine, begun);
      return tell(begun, "done", json);
    }
    return await begin(machine, args, begun);
  } finally {
    unlock();
  }
}

function openJournal(machine: Machine): Journal | undefined {
  if (process.getuid?.() === 0) return Journal.open(machine);
  return undefined;
}

/** One at a time. The lock is on a folder that every system has, so taking it writes nothing. */
function takeLock(machine: Machine): () => void {
  const fd = openSync(at(machine, "/etc"), "r");
  if (lock(fd)) return () => closeSync(fd);
  closeSync(fd);
  throw new Failure(exit.failed, `${typed("migrate")} runs already`, { next: "wait until it has ended" });
}

async function begin(machine: Machine, args: Arguments, finished: Journal | undefined): Promise<number> {
  const answersFile = args.value("answers");
  const dryRun = args.has("dry-run");
  const answers = answersFile === undefined ? {} : await readAnswers(answersFile);
  const asking: Asking = { answers, yes: args.has("yes"), dryRun };
  const found = await lookAtMachine(machine);
  refuse(machineRefusals, found);
  mustDecide(asking);
  const entry = await chooseUser(found, asking, args.value("user"));
  const user = lookAtUser(found, entry);
  const rows = dryRun ? userRefusals.filter(({ name }) => !onlyToBegin.includes(name)) : userRefusals;
  refuse(rows, { machine: found, user });
  say(`${paint.green("✓")} ${found.source?.name}: ${found.source?.traces[0]}`);
  const bar = new Bar(`looking at ${user.home}`, 0, "files");
  const home = await lookAtHome(found, user, bar.add);
  bar.end();
  const choices = await makeChoices(found, entry, home.items, asking);
  const plan: Plan = newPlan(found, user, home, choices, free(machine, `${user.home}.before-${machineNames.folder}`));
  const chosen = home.items.filter((item) => choices.items.includes(item));
  const room = roomFor(found, chosen, home.reflink, bytesBelow(at(machine, "/etc")));
  const first = room.all[0] ?? { needed: 0, free: 0 };
  const lines = planLines(plan, { needed: first.needed, bytes: first.free, reflink: home.reflink });
  refuseRoom(room.short);
  refuseDepth(chosen);
  if (dryRun) {
    if (args.has("json")) printJson({ user: entry.name, state: "would be migrated", plan });
    else print(lines.join("\n"));
    return exit.done;
  }
  say(["", ...lines, ""].join("\n"));
  if (!(await sayTheWord(asking))) {
    say("nothing was changed");
    return exit.interrupted;
  }
  finished?.putAway(machine, "done");
  const journal = Journal.begin(machine, plan);
  await goOn(machine, journal);
  return tell(journal, "done", args.has("json"));
}

function tell(journal: Journal, state: string, json: boolean): number {
  const { user, aside } = journal.plan;
  if (json) printJson({ user: user.name, state, report: reportPath, oldHome: aside, notes: journal.notes });
  else print(`${user.name}: ${state}${journal.isFinished ? `; report: ${reportPath}` : ""}`);
  return exit.done;
}

async function back(machine: Machine, args: Arguments): Promise<number> {
  refuse(machineRefusals.slice(0, 1), await lookAtMachine(machine));
  const journal = Journal.open(machine);
  if (!journal) {
    const what = "there is no migration to take back";
    if (existsSync(at(machine, "/etc")) && lstatSync(at(machine, "/etc")).isDirectory()) say(what);
    if (args.has("json")) printJson({ state: "nothing to take back" });
    return exit.done;
  }
  const { name } = journal.plan.user;
  if (args.has("dry-run")) {
    const lines = journal.undos.toReversed().map((undo) => JSON.stringify(undo));
    print([`${name}: these changes would be taken back, in this order`, ...lines].join("\n"));
    return exit.done;
  }
  const { confirm, canAsk } = await import("../../cli/prompts.ts");
  if (
    canAsk &&
    !args.has("yes") &&
    !(await confirm(`Put everything back as it was before ${name} was migrated?`, true))
  )
    return exit.interrupted;
  const { notes, folder } = await rollBack(machine, journal);
  if (args.has("json")) printJson({ user: name, state: "rolled back", notes, journal: folder });
  else print(`${name}: rolled back; the journal is in ${folder}`);
  return exit.done;
}
