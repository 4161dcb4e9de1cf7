#!/usr/bin/env bun
import { reportNews, showPins } from "../lib/builders/pins/report.ts";
import { choosePins, lookUpSteps, pinsText, withNews, writePins } from "../lib/builders/pins/update.ts";
import { command } from "../lib/cli/command.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { exit } from "../lib/system/errors.ts";
import { print, printJson } from "../lib/system/output.ts";
import { exitCode, runSteps } from "../lib/system/steps.ts";
import { parsePins } from "../lib/tools/pins.ts";

await command("pins", async (args) => {
  const family = await loadFamily();
  const text = pinsText(family);
  const pins = choosePins(parsePins(text), args.words);
  if (!args.has("update")) {
    if (args.has("json")) printJson({ pins });
    else print(showPins(pins, Date.now()));
    return exit.done;
  }
  const results = await runSteps(lookUpSteps(pins, family), 4);
  const news = results.flatMap((result) => (result.state === "done" ? [result.value] : []));
  const day = new Date().toISOString().slice(0, 10);
  if (!args.has("dry-run")) writePins(family, withNews(text, news, day));
  reportNews(results, args.has("json"));
  return exitCode(results);
});
