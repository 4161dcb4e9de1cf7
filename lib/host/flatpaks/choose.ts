import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chooseMany, chooseOne } from "../../cli/prompts.ts";
import { exit, Failure } from "../../system/errors.ts";
import { canAsk, say } from "../../system/output.ts";
import { foreground } from "../../system/shell.ts";
import { workFolder } from "../../system/work-folder.ts";
import { onPath } from "../root.ts";
import { type App, parseList, reviewText } from "./list.ts";

/** What a person chooses, on a terminal. */

const editors = ["nano", "micro", "hx", "helix", "vim", "vi"];

/** A line of shell, as the variables hold one; the file comes after it. */
function editor(env = process.env): string {
  const words = env.VISUAL || env.EDITOR || editors.find((name) => onPath(name));
  if (words) return words;
  throw new Failure(exit.missing, "there is no editor on this machine", {
    tried: ["$VISUAL, $EDITOR", ...editors],
    next: "set EDITOR, or leave --review out",
  });
}

/**
 * Has a list edited. What is not chosen stands in it as a comment, and can be taken in.
 * @returns the list as it was left @throws Failure where the editor fails
 */
export async function review(all: App[], chosen: App[], where: string): Promise<App[]> {
  const folder = workFolder();
  try {
    const file = join(folder.path, "flatpaks.txt");
    writeFileSync(file, reviewText(all, new Set(chosen.map(({ ref }) => ref)), where));
    const words = editor();
    const code = await foreground(["sh", "-c", `${words} "$1"`, "sh", file]);
    if (code !== 0)
      throw new Failure(exit.failed, `the editor ended with exit code ${code}; nothing was installed`, {
        tried: [words],
      });
    const { apps, mistakes } = parseList(readFileSync(file, "utf8"), "other");
    for (const { line, text } of mistakes) say(`left out: line ${line}, \`${text}\` is no app ID`);
    return apps;
  } finally {
    folder.remove();
  }
}

/** @param isThere whether it is installed already. @throws Failure (usage) where nobody can be asked */
export async function choose(all: App[], isThere: (app: App) => boolean, where: string): Promise<App[]> {
  if (!canAsk)
    throw new Failure(exit.usage, "which apps? Nobody can be asked here", {
      next: "bun run install-flatpaks --all, or --only ID…",
    });
  const width = Math.max(...all.map(({ category }) => category.length));
  const rows = all.map((app) => {
    const { ref: value, category } = app;
    const title = `${category.padEnd(width)}  ${value}`;
    return isThere(app) ? { value, title: `${title} (installed)`, disabled: true } : { value, title };
  });
  const refs = await chooseMany(`Which apps are to be installed ${where}?`, rows, "installed already");
  let chosen = all.filter(({ ref }) => refs.includes(ref));
  for (;;) {
    const answer = await chooseOne(`${chosen.length} ${chosen.length === 1 ? "app" : "apps"}:`, [
      { value: "install", title: "install" },
      { value: "review", title: "review the list in an editor" },
      { value: "leave", title: "install nothing" },
    ]);
    if (answer === "leave") return [];
    if (answer === "install") return chosen;
    chosen = (
      await review(
        all.filter((app) => !isThere(app)),
        chosen,
        where,
      )
    ).filter((app) => !isThere(app));
  }
}
