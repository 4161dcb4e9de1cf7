import { join, relative } from "node:path";
import { run } from "../../system/shell.ts";
import type { Finding, Outcome } from "./finding.ts";
import type { ShippedFile } from "./shell-files.ts";

/**
 * What `systemd-analyze verify` says of lines in the given files. What has no line is about the machine that asks:
 * programs and units that only the image has.
 */
export function parseVerify(said: string, root: string, files: string[]): Finding[] {
  return said.split("\n").flatMap((text): Finding[] => {
    const [, path = "", line, message = ""] = /^(\S+?):(\d+): (.*)$/.exec(text) ?? [];
    const file = relative(root, path);
    if (line === undefined || !files.includes(file)) return [];
    return [{ check: "unit-file", severity: "error", file, line: Number(line), column: 1, message }];
  });
}

/** Shipped systemd units, by systemd itself where this machine has it. */
export async function unitFiles(root: string, files: ShippedFile[]): Promise<Outcome> {
  const program = Bun.which("systemd-analyze");
  if (!program) return { skipped: "there is no systemd-analyze on this machine" };
  const names = files.map((f) => f.file);
  const paths = names.map((f) => join(root, f));
  const { said } = await run([program, "verify", "--recursive-errors=no", ...paths], {
    env: { SYSTEMD_LOG_COLOR: "0", SYSTEMD_LOG_LEVEL: "warning" },
  });
  return { findings: parseVerify(said, root, names) };
}
