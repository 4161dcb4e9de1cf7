import { dlopen, FFIType } from "bun:ffi";
import { createRequire } from "node:module";

// Preloaded into guara-migrate: before each nth call of node:fs (ATTACK_EVERY), uid 1000 changes what it can reach in the folder of the
// homes (ATTACK_HOMES), in one way (ATTACK_KIND). How many attacks there were, and how many of their changes the kernel allowed, goes to
// the file that ATTACK_COUNT names.

type Call = (...args: unknown[]) => unknown;
const fs = createRequire(import.meta.url)("node:fs") as Record<string, Call>;
const every = Number(process.env.ATTACK_EVERY ?? 1);
const count = process.env.ATTACK_COUNT;
const { openSync, renameSync, symlinkSync, unlinkSync, writeFileSync, existsSync } = fs as Record<string, Call>;

const { symbols: libc } = dlopen("libc.so.6", {
  setfsuid: { args: [FFIType.u32], returns: FFIType.i32 },
  setfsgid: { args: [FFIType.u32], returns: FFIType.i32 },
});
// The homes of a test lie below folders of root's, through which uid 1000 cannot go.
const homes = `/proc/self/fd/${openSync?.(process.env.ATTACK_HOMES ?? "", "r")}`;
let allowed = 0;

/** One change, which the kernel allows or not. */
function change(call: Call | undefined, ...args: string[]): boolean {
  try {
    call?.(...args);
    allowed++;
    return true;
  } catch {
    return false;
  }
}

/** A folder leads to what is root's, and the next time it is a folder again. */
function swap(path: string, target: string): void {
  if (!existsSync?.(`${path}.real`)) {
    if (change(renameSync, path, `${path}.real`)) change(symlinkSync, target, path);
  } else if (change(unlinkSync, path)) change(renameSync, `${path}.real`, path);
}

/** Where a new home may be, and the way from there to the system's root. */
const newHomes: [string, string][] = [
  [".ana.guara-migrate", "../../.."],
  [".ana.guara-migrate/home", "../../../.."],
  ["ana.homedir", "../../.."],
];

const kinds: Record<string, () => void> = {
  /** What root reads leads to what is root's. */
  source: () => {
    for (const home of ["ana", "ana.before-guaraos"])
      for (const name of ["Documents", ".ssh", ".config"]) swap(`${homes}/${home}/${name}`, "../../../outside");
  },
  /** What root fills leads to what is root's. */
  target: () => {
    for (const [home, up] of newHomes)
      for (const name of ["Documents", ".ssh", ".config"]) swap(`${homes}/${home}/${name}`, `${up}/outside`);
  },
  /** A file that root may be about to write is there already, and leads to one of root's. */
  file: () => {
    for (const [home, up] of newHomes)
      for (const name of [".identity", ".identity.part", "record", "record.part"]) {
        change(unlinkSync, `${homes}/${home}/${name}`);
        change(symlinkSync, `${up}/etc/victim`, `${homes}/${home}/${name}`);
      }
  },
};
const attack = kinds[process.env.ATTACK_KIND ?? ""];
if (!attack) throw new Error("ATTACK_KIND?");

const calls =
  "fdatasyncSync renameSync unlinkSync rmdirSync mkdirSync writeFileSync linkSync symlinkSync lchownSync chownSync chmodSync openSync readdirSync";
let n = 0;
let attacks = 0;
for (const name of calls.split(" ")) {
  const real = fs[name];
  if (!real) throw new Error(`no ${name}`);
  fs[name] = (...args) => {
    if (++n % every === 0) {
      libc.setfsgid(1000);
      libc.setfsuid(1000);
      try {
        attacks++;
        attack();
      } finally {
        libc.setfsuid(0);
        libc.setfsgid(0);
      }
    }
    return real.apply(fs, args);
  };
}
if (count) process.on("exit", () => writeFileSync?.(count, `${attacks} ${allowed}`));
