import { exit, Failure } from "../../system/errors.ts";
import { paint, say, warn } from "../../system/output.ts";
import { commandLine, foreground } from "../../system/shell.ts";
import { type Entry, readHost } from "../bootc.ts";
import { typed } from "../names.ts";
import type { Allowed } from "../old-image.ts";
import { describe } from "../refusals.ts";
import { onPath } from "../root.ts";
import { updateOs } from "./os.ts";
import { notByTopgrade, type Part, parts, topgradeLine } from "./parts.ts";

/** The order of an update, one part after the other: each has the terminal to itself, and none stops the next. */

export interface Done {
  part: string;
  state: "done" | "failed" | "left";
  /** What became of it, or why nothing did. */
  said: string;
}

/** Something that is done for one part: what it says at its end. A part that is not here is `left`. */
interface Work {
  part: string;
  title: string;
  run(before: Done[]): Promise<string | { left: string }>;
}

async function runLines(lines: ReturnType<Part["lines"]>, dryRun: boolean): Promise<string> {
  const failed: string[] = [];
  let count = 0;
  for await (const { argv, fine, apart } of lines) {
    count++;
    const code = await foreground(argv, { dryRun });
    if (fine.includes(code)) continue;
    // run0 reads its password where Ctrl-C reaches nobody else.
    if (code === exit.interrupted)
      throw new Failure(code, `${commandLine(argv)} was interrupted; nothing more is updated`);
    failed.push(`${commandLine(argv)} ended with exit code ${code}`);
    if (!apart) break;
  }
  const next = "its own words are above; fix that, and run this again";
  const [first, second] = failed;
  if (second)
    throw new Failure(exit.failed, `${failed.length} of its ${count} commands failed`, { tried: failed, next });
  if (first) throw new Failure(exit.failed, first, { next });
  return dryRun ? "would be updated" : "updated";
}

/** Whether there is a system image to look after at all. */
async function hasImage(): Promise<boolean> {
  return !!onPath("bootc") && !!(await readHost()).booted;
}

/** What the next boot would bring; undefined without an image, or where bootc does not answer. */
async function stagedNow(): Promise<Entry | undefined> {
  if (!onPath("bootc")) return undefined;
  return (await readHost().catch(() => undefined))?.staged;
}

function osWork(named: boolean, dryRun: boolean, allow: Allowed): Work {
  const run = async () =>
    named || (await hasImage()) ? updateOs(dryRun, allow) : { left: "this machine was not booted from an image" };
  return { part: "os", title: "the system image", run };
}

function partWork(part: Part, topgrade: string | null, named: boolean, dryRun: boolean): Work {
  const run = async () => {
    if (topgrade && !notByTopgrade().includes(part.name))
      return runLines(
        [
          topgradeLine(
            topgrade,
            part.topgrade.flatMap((name) => ["--only", name]),
          ),
        ],
        dryRun,
      );
    const program = part.find();
    if (program !== undefined) return runLines(part.lines(program), dryRun);
    if (!named) return { left: "not installed" };
    throw new Failure(exit.missing, `${part.title}: not installed`, {
      tried: ["topgrade, and the tool itself, on the PATH"],
    });
  };
  return { part: part.name, title: part.title, run };
}

/**
 * topgrade does all the rest. The system image is ours, as topgrade would not ask the policy: its own step for the system
 * stays out, and where the policy refused, so do its custom commands, among which the family's settings may have `bootc upgrade`.
 * Where nothing was refused they run, and the registry is asked again: what they staged must be what was judged.
 */
function topgradeWork(topgrade: string, dryRun: boolean): Work {
  const run = async (before: Done[]) => {
    const judged = await stagedNow();
    const refused = before.some(({ part, state }) => part === "os" && state === "failed");
    const ours = parts.filter(({ name }) => notByTopgrade().includes(name)).flatMap(({ topgrade: names }) => names);
    const disabled = ["system", ...ours, ...(refused ? ["custom_commands"] : [])];
    const line = topgradeLine(
      topgrade,
      disabled.flatMap((name) => ["--disable", name]),
    );
    const ended = await runLines([line], dryRun).catch((error: unknown) => error);
    const staged = await stagedNow();
    if (!staged || staged.digest === judged?.digest) {
      if (typeof ended === "string") return ended;
      throw ended;
    }
    throw new Failure(exit.failed, `topgrade staged a system that Slipway did not check: ${describe(staged)}`, {
      tried: [`checked: ${describe(judged)}`, "custom commands in topgrade's settings, such as `bootc upgrade`"],
      next: `before you reboot, check it: ${typed("update")} -o`,
    });
  };
  return { part: "topgrade", title: "everything else, by topgrade", run };
}

/** @param named the parts that were asked for; none means everything. */
export function plan(named: string[], dryRun: boolean, allow: Allowed, topgrade = onPath("topgrade")): Work[] {
  if (named.length === 0) {
    const apart = topgrade ? parts.filter(({ name }) => notByTopgrade().includes(name)) : parts;
    const rest = apart.map((p) => partWork(p, null, false, dryRun));
    return [osWork(false, dryRun, allow), ...(topgrade ? [topgradeWork(topgrade, dryRun)] : []), ...rest];
  }
  return [
    ...(named.includes("os") ? [osWork(true, dryRun, allow)] : []),
    ...parts.filter((p) => named.includes(p.name)).map((p) => partWork(p, topgrade, true, dryRun)),
  ];
}

export interface Results {
  done: Done[];
  /** Of the whole command: 3 if a part lacks its tool, 1 if one failed. */
  code: number;
}

/** Runs them all. */
export async function runAll(works: Work[]): Promise<Results> {
  const done: Done[] = [];
  const codes: number[] = [];
  for (const { part, title, run } of works) {
    say(paint.bold(`── ${title}`));
    try {
      const said = await run(done);
      if (typeof said === "string") done.push({ part, state: "done", said });
      else done.push({ part, state: "left", said: said.left });
    } catch (error) {
      if (!(error instanceof Failure) || error.code === exit.interrupted) throw error;
      for (const line of error.lines()) warn(line);
      done.push({ part, state: "failed", said: error.message });
      codes.push(error.code);
    }
  }
  const code = codes.includes(exit.missing) ? exit.missing : codes.length ? exit.failed : exit.done;
  return { done, code };
}
