import { appendFileSync } from "node:fs";
import { basename } from "node:path";

/** Where a test's time goes: `./run test --times` shows what each file waited for. */

const file = process.env.SLIPWAY_TEST_SPANS;

/** Does a piece of work and notes how long it was waited for. @param what a word, such as `build` or `boot`. */
export async function waiting<T>(what: string, work: () => Promise<T>): Promise<T> {
  if (file === undefined) return work();
  const began = Date.now();
  try {
    return await work();
  } finally {
    appendFileSync(file, `${JSON.stringify({ what, began, ended: Date.now() })}\n`);
  }
}

/** What running a command line is counted as: one of our commands by its name, podman with its verb, else the program. */
export function kindOf(argv: string[]): string {
  const script = argv.find((word) => /\/scripts\/[\w-]+\.ts$/.test(word));
  if (script) return basename(script, ".ts");
  const podman = argv.findIndex((word) => basename(word) === "podman");
  if (podman >= 0) return `podman ${argv.slice(podman + 1).find((word) => !word.startsWith("-")) ?? ""}`.trim();
  return basename(argv.find((word) => !word.includes("=") && word !== "env") ?? "");
}
