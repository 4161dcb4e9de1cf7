#!/usr/bin/env bun
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../lib/cli/command.ts";
import { openImage } from "../lib/oci/source.ts";
import { delta, parseBudget } from "../lib/ship/delta.ts";
import { showDelta } from "../lib/ship/delta-report.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { printJson } from "../lib/system/output.ts";
import { withWorkFolder } from "../lib/system/work-folder.ts";

await command("delta", async (args) => {
  const [a, b] = args.words;
  if (a === undefined || b === undefined)
    throw new Failure(exit.usage, "delta: two images are compared", { next: "bun run delta A B" });
  const budget = parseBudget(args.value("budget"));
  return withWorkFolder(async (scratch) => {
    const work = (name: string) => {
      const folder = join(scratch, name);
      mkdirSync(folder);
      return folder;
    };
    const from = await openImage(a, { work: work("a") });
    const to = await openImage(b, { work: work("b") });
    const found = await delta(from, to, { work: work("layers"), quick: args.has("quick") });
    const over = budget !== undefined && found.download > budget;
    if (args.has("json")) printJson({ ...found, ...(budget === undefined ? {} : { budget, over }) });
    else showDelta(found, budget, args.has("all"));
    return over ? exit.failed : exit.done;
  });
});
