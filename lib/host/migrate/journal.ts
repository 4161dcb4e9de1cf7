import {
  appendFileSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../../system/errors.ts";
import { stateFolder } from "./facts.ts";
import { removeTree } from "./files/paths.ts";
import { at, flush, type Machine } from "./machine.ts";
import type { Plan } from "./plan.ts";

/**
 * What a migration did, on disk before it goes on: one JSON document a line, appended and flushed. A line that was cut off by a
 * power failure is no line. The folder `current` holds the journal, the plan with all answers, what was there before each change, the
 * log and the report; it comes into being whole, by one rename, and leaves the same way when everything was put back.
 */

/** How one change is taken back; written before the change is made. Paths are the machine's own. */
export type Undo =
  /** `before` names a copy in the journal's folder; null: there was nothing. `file`: one of the six that know accounts. */
  | { kind: "restore"; path: string; before: string | null }
  | { kind: "move"; from: string; to: string }
  /** Holds nothing but copies. */
  | { kind: "remove"; path: string }
  /** The new home: somebody may have worked in it, so it is set aside and never removed. */
  | { kind: "set-aside"; path: string; to: string };

export type Line = { at: string } & (
  | { type: "begun" | "done"; step: string; note?: string }
  | { type: "undo"; undo: Undo }
  /** What a change leaves behind, by its hash: whether somebody else changed it since. */
  | { type: "left"; path: string; hash: string | null }
  | { type: "note"; text: string }
  | { type: "finished" }
  | { type: "rolling-back" }
);
type Bare<T> = T extends unknown ? Omit<T, "at"> : never;

const current = join(stateFolder, "current");
const hidden = { mode: 0o700 } as const;

export class Journal {
  private constructor(
    readonly folder: string,
    readonly plan: Plan,
    readonly lines: Line[],
  ) {}

  static folderOf(machine: Machine): string {
    return at(machine, current);
  }

  /** @returns undefined where no migration was begun */
  static open(machine: Machine): Journal | undefined {
    const folder = Journal.folderOf(machine);
    if (!existsSync(folder)) return undefined;
    const file = join(folder, "journal");
    const text = readFileSync(file, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole !== text) truncateSync(file, Buffer.byteLength(whole));
    try {
      const lines = whole.split("\n").filter(Boolean) as unknown[] as string[];
      const plan = JSON.parse(readFileSync(join(folder, "plan.json"), "utf8")) as Plan;
      return new Journal(
        folder,
        plan,
        lines.map((line) => JSON.parse(line) as Line),
      );
    } catch (error) {
      throw new Failure(exit.failed, "the journal of the migration that was begun cannot be read", {
        tried: [file, String(error)],
        next: `nothing was changed now; what was there before each change lies in ${current}/before`,
      });
    }
  }

  /** Begins a migration: the first change to the machine. */
  static begin(machine: Machine, plan: Plan): Journal {
    const folder = Journal.folderOf(machine);
    const parent = at(machine, stateFolder);
    const made = `${folder}.new`;
    removeTree(made);
    mkdirSync(parent, { recursive: true });
    mkdirSync(join(made, "before"), { recursive: true, ...hidden });
    writeFileSync(join(made, "plan.json"), `${JSON.stringify(plan, null, 2)}\n`, { mode: 0o600 });
    writeFileSync(join(made, "journal"), "", { mode: 0o600 });
    for (const name of ["plan.json", "journal", ""]) flush(join(made, name));
    renameSync(made, folder);
    flush(parent);
    return new Journal(folder, plan, []);
  }

  add(line: Bare<Line>): void {
    const whole = { at: new Date().toISOString(), ...line } as Line;
    const fd = openSync(join(this.folder, "journal"), "a", 0o600);
    try {
      writeSync(fd, `${JSON.stringify(whole)}\n`);
      fdatasyncSync(fd);
    } finally {
      closeSync(fd);
    }
    this.lines.push(whole);
  }

  isDone(step: string): boolean {
    return this.lines.some((line) => line.type === "done" && line.step === step);
  }

  /** The note that a step left when it was done. */
  noteOf(step: string): string | undefined {
    const line = this.lines.findLast((l) => l.type === "done" && l.step === step);
    return line?.type === "done" ? line.note : undefined;
  }

  get isFinished(): boolean {
    return this.lines.some((line) => line.type === "finished");
  }

  get isRollingBack(): boolean {
    return this.lines.some((line) => line.type === "rolling-back");
  }

  get undos(): Undo[] {
    return this.lines.flatMap((line) => (line.type === "undo" ? [line.undo] : []));
  }

  get notes(): string[] {
    return this.lines.flatMap((line) => (line.type === "note" ? [line.text] : []));
  }

  /** What changes left at a path, as hashes. */
  leftAt(path: string): (string | null)[] {
    return this.lines.flatMap((line) => (line.type === "left" && line.path === path ? [line.hash] : []));
  }

  /** Changes of the step that was broken off: what they left may be half of it. */
  get unsettled(): Undo[] {
    const begun = this.lines.findLastIndex((line) => line.type === "begun");
    const after = this.lines.slice(Math.max(begun, 0));
    if (begun < 0 || after.some((line) => line.type === "done")) return [];
    return after.flatMap((line) => (line.type === "undo" ? [line.undo] : []));
  }

  /** A name for the next copy of something. */
  nextBefore(): string {
    const taken = readdirSync(join(this.folder, "before")).map((name) => Number.parseInt(name, 10) || 0);
    return String(Math.max(0, ...taken) + 1);
  }

  log(text: string): void {
    appendFileSync(this.logFile, `${new Date().toISOString()} ${text}\n`, { mode: 0o600 });
  }

  get logFile(): string {
    return join(this.folder, "log");
  }

  /** Puts the whole folder aside, as `NAME-N`. @returns its new path, as the machine has it */
  putAway(machine: Machine, name: string): string {
    for (let n = 1; ; n++) {
      const path = join(stateFolder, `${name}-${n}`);
      if (existsSync(at(machine, path))) continue;
      renameSync(this.folder, at(machine, path));
      flush(at(machine, stateFolder));
      return path;
    }
  }
}
