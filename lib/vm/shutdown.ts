import { join } from "node:path";
import { textOf } from "../system/state-file.ts";
import type { Progress, Step } from "../system/steps.ts";
import { machineFolder } from "./machines.ts";
import { lastLines } from "./phases.ts";

/** Milliseconds between two looks at the console. */
const often = 300;

function lastWord(name: string): string {
  return lastLines(textOf(join(machineFolder(name), "console.log"), "latin1").slice(-2000), 1)[0] ?? "";
}

/** Pure but for the console: a step that turns a machine off, and shows the console's last line meanwhile. */
export function shutdownStep<T>(name: string, work: () => Promise<T>): Step<T> {
  const follow = async (progress: Progress) => {
    const before = lastWord(name);
    const timer = setInterval(() => {
      const now = lastWord(name);
      if (now !== before) progress.now(now);
    }, often);
    try {
      return await work();
    } finally {
      clearInterval(timer);
    }
  };
  return { id: `shutdown-${name}`, title: `shutting down ${name}`, after: [], run: follow };
}
