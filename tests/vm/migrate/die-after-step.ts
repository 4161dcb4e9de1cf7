import { createRequire } from "node:module";

// Preloaded into guara-migrate: it is killed as soon as the journal says that the step DIE_AFTER is done, or at the nth (DIE_AT) of
// the calls that change the file system.

const fs = createRequire(import.meta.url)("node:fs") as Record<string, (...args: unknown[]) => unknown>;
const at = Number(process.env.DIE_AT ?? 0);
let n = 0;

function before(name: string, check: () => boolean): void {
  const real = fs[name];
  if (!real) throw new Error(`no ${name}`);
  fs[name] = (...args) => {
    if (check()) process.kill(process.pid, "SIGKILL");
    return real.apply(fs, args);
  };
}

let line = "";
const write = fs.writeSync;
fs.writeSync = (...args) => {
  if (typeof args[1] === "string") line = args[1];
  return write?.apply(fs, args);
};
if (at)
  for (const name of ["fdatasyncSync", "renameSync", "unlinkSync", "mkdirSync", "rmdirSync"])
    before(name, () => ++n === at);
else {
  // after the flush of that line
  const flush = fs.fdatasyncSync;
  fs.fdatasyncSync = (...args) => {
    const result = flush?.apply(fs, args);
    if (line.includes(`"type":"done","step":"${process.env.DIE_AFTER}"`)) process.kill(process.pid, "SIGKILL");
    return result;
  };
}
