import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { onInterrupt } from "./command.ts";
import { startOf } from "./process.ts";
import { statePath } from "./project.ts";

const suffix = "work";

/** What a killed command left: its folder names a process that is gone. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [pid, began, , kind] = name.split("-");
    if (kind === suffix && startOf(Number(pid)) !== began) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/** A folder of this process below `.slipway/run`, closed to others; `remove` takes it away, and so does an interruption. */
export function workFolder(): { path: string; remove: () => void } {
  const id = crypto.randomUUID().slice(0, 8);
  const path = statePath("run", `${process.pid}-${startOf(process.pid)}-${id}-${suffix}`);
  sweep(dirname(path));
  mkdirSync(path, { mode: 0o700 });
  const gone = () => rmSync(path, { recursive: true, force: true });
  const forget = onInterrupt(gone);
  const remove = () => {
    forget();
    gone();
  };
  return { path, remove };
}
