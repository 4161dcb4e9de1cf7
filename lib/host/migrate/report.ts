import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bytes } from "../../system/output.ts";
import { typed } from "../names.ts";
import { stateFolder } from "./facts.ts";
import { shown } from "./files/paths.ts";
import type { Journal } from "./journal.ts";
import { at, flush, type Machine } from "./machine.ts";
import { steps } from "./steps/all.ts";

export const reportPath = `${stateFolder}/current/report.txt`;

const row = ({ path, bytes: n }: { path: string; bytes: number }) => `  ${bytes(n).padStart(8)}  ${shown(path)}`;

/** What a person reads afterwards: what was done, kept, left behind and why, what comes next. */
export function reportLines(journal: Journal, when: Date): string[] {
  const { plan, notes } = journal;
  const { name } = plan.user;
  const said = steps.flatMap((step) => journal.noteOf(step.id) ?? []);
  return [
    `${name}: from ${plan.from} to a home of systemd-homed, ${when.toISOString().slice(0, 16).replace("T", " ")} UTC`,
    "",
    ...said.map((line) => `- ${line}`),
    "",
    "Kept:",
    ...plan.items.map(row),
    ...(plan.left.length ? ["", "Left in the old home, because it was not chosen:", ...plan.left.map(row)] : []),
    ...(notes.length ? ["", "Not copied:", ...notes.map((note) => `  ${note}`)] : []),
    ...(plan.mounts.length
      ? ["", "Other file systems, mounted below the old home:", ...plan.mounts.map((m) => `  ${shown(m)}`)]
      : []),
    ...(plan.notes.length ? ["", "To know:", ...plan.notes.map((note) => `  - ${note}`)] : []),
    "",
    "Next:",
    `  - reboot, and log in as ${name} with the same password`,
    `  - what you miss is in ${plan.aside}`,
    `  - \`${typed("migrate")} --rollback\` puts everything back as it was: as root, while ${name} is logged out`,
    `  - when you need neither any more: sudo rm -r ${plan.aside}`,
  ];
}

/** @returns the report's path, as the machine has it */
export function writeReport(machine: Machine, journal: Journal): string {
  const file = at(machine, reportPath);
  writeFileSync(file, `${reportLines(journal, new Date()).join("\n")}\n`, { mode: 0o600 });
  flush(file);
  flush(join(file, ".."));
  return reportPath;
}
