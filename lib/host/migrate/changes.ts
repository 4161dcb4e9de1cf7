import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { attributes, exchange, setAttributes } from "../libc.ts";
import { typed } from "../names.ts";
import { copyTree } from "./files/copy.ts";
import { look, names, removeTree } from "./files/paths.ts";
import type { Journal } from "./journal.ts";
import { at, flush, type Machine } from "./machine.ts";

/**
 * Changes to the machine, each the same: what is there is copied, how to take the change back is in the journal, then the new
 * thing takes the place of the old by one rename. Broken off anywhere and done again, the end is the same.
 */

/** A hash of a file, a link or everything below a folder, names and contents; null: there is nothing. */
export function hashOf(path: string): string | null {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return null;
  const hash = createHash("sha256");
  if (stat.isSymbolicLink()) hash.update(`link ${readlinkSync(path)}`);
  else if (stat.isDirectory()) for (const name of names(path)) hash.update(`${name}\0${hashOf(join(path, name))}\0`);
  else if (stat.isFile()) hash.update(readFileSync(path));
  return hash.digest("hex");
}

/** A name beside a path that nothing else uses: what is not yet, or no longer, in place. */
export const beside = (path: string) => join(dirname(path), `.${basename(path)}.${typed("migrate")}`);

export class Changes {
  constructor(
    readonly machine: Machine,
    readonly journal: Journal,
  ) {}

  /** Copies what is at a path, and writes down how it comes back. */
  async remember(path: string): Promise<void> {
    const real = at(this.machine, path);
    const { journal } = this;
    if (!look(real)) return journal.add({ type: "undo", undo: { kind: "restore", path, before: null } });
    const before = journal.nextBefore();
    const copy = join(journal.folder, "before", before);
    await copyTree(real, `${copy}.part`);
    if (!lstatSync(`${copy}.part`).isSymbolicLink()) flush(`${copy}.part`);
    renameSync(`${copy}.part`, copy);
    flush(dirname(copy));
    journal.add({ type: "undo", undo: { kind: "restore", path, before } });
  }

  /** Writes down what is, or is about to be, at a path. */
  note(path: string, hash = hashOf(at(this.machine, path))): void {
    this.journal.add({ type: "left", path, hash });
  }

  /** Gives a file other contents: bytes, one a character. Owner, mode and attributes stay those of the old file. */
  async write(
    path: string,
    text: string,
    made: { mode: number; uid: number } = { mode: 0o644, uid: 0 },
  ): Promise<void> {
    const real = at(this.machine, path);
    // A link is replaced by a file, and not what it names.
    const old = lstatSync(real, { throwIfNoEntry: false });
    if (old?.isFile() && readFileSync(real, "latin1") === text) return;
    await this.remember(path);
    this.note(path, createHash("sha256").update(Buffer.from(text, "latin1")).digest("hex"));
    await this.overwrite(path, text, made);
  }

  /** The same without a way back: for the way back itself. */
  async overwrite(path: string, text: string, made = { mode: 0o644, uid: 0 }): Promise<void> {
    const real = at(this.machine, path);
    const old = lstatSync(real, { throwIfNoEntry: false });
    const target = old?.isSymbolicLink() && existsSync(real) ? statSync(real) : old;
    const temporary = beside(real);
    removeTree(temporary);
    writeFileSync(temporary, Buffer.from(text, "latin1"), { mode: 0o600 });
    const mode = target ? target.mode & 0o7777 : made.mode;
    chownSync(temporary, target?.uid ?? made.uid, target?.gid ?? made.uid);
    if (old?.isFile()) takeAttributes(real, temporary);
    chmodSync(temporary, mode);
    flush(temporary);
    renameSync(temporary, real);
    flush(dirname(real));
  }

  /** Gives a folder other contents, all at once: `fill` gets an empty folder. Where nothing would change, nothing does. */
  async replaceFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
    const real = at(this.machine, path);
    const made = beside(real);
    this.journal.add({ type: "undo", undo: { kind: "remove", path: beside(path) } });
    removeTree(made);
    mkdirSync(made, { mode: 0o755 });
    await fill(made);
    if (hashOf(made) === hashOf(real)) return removeTree(made);
    await this.remember(path);
    for (const name of names(made)) if (lstatSync(join(made, name)).isFile()) flush(join(made, name));
    flush(made);
    this.note(path, hashOf(made));
    putInPlace(made, real);
  }

  /** Something is called otherwise from now on; nothing in it changes. */
  move(from: string, to: string): void {
    const [source, target] = [at(this.machine, from), at(this.machine, to)];
    if (!look(source)) return;
    this.journal.add({ type: "undo", undo: { kind: "move", from, to } });
    renameSync(source, target);
    flush(dirname(target));
    if (dirname(source) !== dirname(target)) flush(dirname(source));
  }
}

function takeAttributes(from: string, to: string): void {
  const [source, target] = [openSync(from, "r"), openSync(to, "r")];
  setAttributes(target, attributes(source));
  for (const fd of [source, target]) closeSync(fd);
}

/** Something takes the place of what is at a path, in one step where the file system can. What was there is removed. */
export function putInPlace(made: string, real: string): void {
  if (!look(real)) renameSync(made, real);
  else if (exchange(made, real)) removeTree(made);
  else {
    const old = `${made}.old`;
    removeTree(old);
    renameSync(real, old);
    renameSync(made, real);
    removeTree(old);
  }
  flush(dirname(real));
}
