import { paint, warn } from "./output.ts";

/**
 * Pure: a line that GitHub shows on the page of a run. Source: "Workflow commands for GitHub Actions" (setting a notice message), and
 * escapeData and escapeProperty of actions/toolkit, packages/core/src/command.ts.
 */
export function noticeLine(title: string, text: string): string {
  const data = (s: string) => s.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  return `::notice title=${data(title).replaceAll(":", "%3A").replaceAll(",", "%2C")}::${data(text)}`;
}

/** What a reader must see though nothing failed: with `--quiet` too, and on GitHub beside the run. */
export function notice(title: string, text: string): void {
  warn(process.env.GITHUB_ACTIONS ? noticeLine(title, text) : `${paint.yellow("–")} ${title}: ${text}`);
}
