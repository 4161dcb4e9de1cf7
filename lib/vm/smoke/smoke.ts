/** Boots an image and looks whether what its flavor promises holds. */
import { writeFileSync } from "node:fs";
import type { Target } from "../../family/family.ts";
import { smokeOf } from "../../family/smoke.ts";
import { exit, Failure } from "../../system/errors.ts";
import { statePath } from "../../system/project.ts";
import type { Progress, Step } from "../../system/steps.ts";
import { usualDisk } from "../disk/kept.ts";
import { diskOf } from "../disk/of-target.ts";
import { type Guest, startGuest } from "../guest.ts";
import type { Phase } from "../phases.ts";
import { type Check, checksOf, readAnswers, scriptOf } from "./checks.ts";

/** What became of a check. */
export interface Checked {
  kind: string;
  subject: string;
  /** What is wrong; undefined where it holds. */
  wrong: string | undefined;
  /** Lines of the journal about it. */
  journal: string[];
}

/** What became of a target. */
export interface Smoked {
  reference: string;
  checks: Checked[];
  /** Seconds since the start, by phase. */
  phases: Partial<Record<Phase, number>>;
  /** The whole journal of the boot. */
  journal: string;
}

const shownJournal = 20;

async function journalOf(guest: Guest, words: string[]): Promise<string[]> {
  const argv = ["journalctl", "--boot", "--no-pager", "--no-hostname", "--output=short-monotonic", ...words];
  const { out } = await guest.ssh(argv);
  return out.split("\n").filter((line) => line.trim() !== "" && line !== "-- No entries --");
}

/** Lines that tell why a check failed: of the unit, or of the units that it names, else the worst of the boot. */
async function tell(guest: Guest, check: Check, said: string): Promise<string[]> {
  const units = check.unit ? [check.unit] : check.kind === "system" ? said.trim().split(/\s+/).filter(Boolean) : [];
  const of = units.length ? units.flatMap((unit) => ["--unit", unit]) : ["--priority=warning"];
  return (await journalOf(guest, of)).slice(-shownJournal);
}

/** Runs checks in a guest that is up. */
export async function runChecks(guest: Guest, checks: Check[]): Promise<Checked[]> {
  const mark = `slipway-${crypto.randomUUID()}`;
  const { code, out, err } = await guest.ssh(["sh", "-s"], { stdin: scriptOf(checks, mark) });
  const answers = readAnswers(out, mark, checks.length);
  const checked: Checked[] = [];
  for (const [i, check] of checks.entries()) {
    const answer = answers[i];
    const { kind, subject } = check;
    const wrong = answer
      ? check.judge(answer.code, answer.said)
      : `it was not looked at: the guest's shell ended with ${code} ${err.trim().split("\n").at(-1) ?? ""}`;
    const journal = wrong === undefined || !answer ? [] : await tell(guest, check, answer.said);
    checked.push({ kind, subject, wrong, journal });
  }
  return checked;
}

export interface SmokeOptions {
  /** Seconds that a boot may take. */
  patience: number;
}

const usualPatience: SmokeOptions = { patience: 300 };

/** Boots a target without keeping anything and checks it. @throws Failure where it does not come up */
export async function smokeTarget(target: Target, options: SmokeOptions, progress: Progress): Promise<Smoked> {
  const { reference, flavor, arch } = target;
  const disk = await diskOf(target, usualDisk, progress);
  const cannot = disk.lacks.filter((lack) => lack === "sshd" || lack === "network");
  if (cannot.length)
    throw new Failure(exit.failed, `${reference} cannot be asked anything: it has no ${cannot.join(", no ")} enabled`, {
      tried: ["the links of enabled units in /etc/systemd/system and /usr/lib/systemd/system"],
      next: "enable sshd and a network service in the flavor",
    });
  progress.now("starting it");
  const guest = await startGuest(
    {
      ...{
        name: `smoke-${flavor.name}-${arch.name}-${process.pid}`,
        disk: disk.path,
        snapshot: true,
        image: reference,
      },
      phase: (phase) => progress.now(`booting: ${phase}`),
    },
    progress,
  );
  try {
    await guest.ready("ssh", options.patience * 1000);
    progress.now("waiting until all of it is started");
    await guest.ssh(["timeout", String(options.patience), "systemctl", "is-system-running", "--wait"]);
    progress.now("looking at it");
    const checks = await runChecks(guest, checksOf(smokeOf(flavor)));
    const journal = statePath("logs", `smoke-${flavor.name}-${arch.name}.journal`);
    writeFileSync(journal, `${(await journalOf(guest, [])).join("\n")}\n`);
    return { reference, checks, phases: Object.fromEntries(guest.reached), journal };
  } finally {
    await guest.kill();
  }
}

/** One step a target. A target whose checks fail is a step that came to its end: the report tells. */
export function smokeSteps(targets: Target[], options: SmokeOptions): Step<Smoked>[] {
  return targets.map((target) => ({
    id: target.reference,
    title: `smoke ${target.reference}`,
    after: [],
    run: (progress) => smokeTarget(target, options, progress),
  }));
}

/** What of a target does not hold, in one Failure; nothing where all of it does. */
export function refuseSmoke({ reference, checks, journal }: Smoked): void {
  const wrong = checks.filter((check) => check.wrong !== undefined);
  if (wrong.length === 0) return;
  throw new Failure(exit.failed, `${reference} boots, but ${wrong.length} of ${checks.length} checks do not hold`, {
    tried: wrong.map(({ kind, subject, wrong: what }) => `${kind} ${subject}: ${what}`),
    next: "fix the flavor, or what its smoke section promises",
    log: journal,
  });
}

interface BuildStep {
  target: Target;
  run(progress: Progress): Promise<{ said: string; facts: object }>;
}

/** Builds after each of which its image is booted and must hold what it promises; bases that nobody named are only built. */
export function thenSmoke<T extends BuildStep>(builds: T[], named: Target[]): T[] {
  return builds.map((build) => ({
    ...build,
    run: async (progress: Progress) => {
      const { said, facts } = await build.run(progress);
      if (!named.some((t) => t.reference === build.target.reference)) return { said, facts };
      const smoked = await smokeTarget(build.target, usualPatience, progress);
      refuseSmoke(smoked);
      return { said: `${said}, boots`, facts: { ...facts, checks: smoked.checks.length, phases: smoked.phases } };
    },
  }));
}
