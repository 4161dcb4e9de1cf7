import { createRequire } from "node:module";

// Preloaded into a program: it is killed at the nth call that changes a file system, before the call. DIE_AT is n; without it, the
// calls are counted, and their number goes to the file that DIE_COUNT names.

const calls = (
  process.env.DIE_CALLS ??
  "fdatasyncSync renameSync unlinkSync rmdirSync mkdirSync writeFileSync linkSync symlinkSync chownSync"
).split(" ");
const fs = createRequire(import.meta.url)("node:fs") as Record<string, (...args: unknown[]) => unknown>;
const at = Number(process.env.DIE_AT ?? 0);
const count = process.env.DIE_COUNT;
const write = fs.writeFileSync;
let n = 0;
for (const name of calls) {
  const real = fs[name];
  if (!real) throw new Error(`no ${name}`);
  fs[name] = (...args) => {
    n++;
    if (n === at) process.kill(process.pid, "SIGKILL");
    return real.apply(fs, args);
  };
}
if (count) process.on("exit", () => write?.(count, String(n)));
