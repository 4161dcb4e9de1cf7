#!/usr/bin/env bun
import { dirname, relative } from "node:path";
import { sweepDeadRuns } from "../lib/build/leftovers.ts";
import { remnants, remove } from "../lib/cli/clean.ts";
import { command } from "../lib/cli/command.ts";
import { exit, Failure } from "../lib/cli/errors.ts";
import { bytes, paintOut, print, printJson, say, table } from "../lib/cli/output.ts";
import { projectRoot, statePath } from "../lib/cli/project.ts";
import { canAsk, confirm } from "../lib/cli/prompts.ts";
import { familyIfGood } from "../lib/family/if-good.ts";
import { planSweep, sweepImages } from "../lib/image/sweep.ts";
import { emptyTestStorage, testStorageBytes } from "../lib/image/test-storage.ts";

await command("clean", async (args) => {
  const all = args.has("all");
  const family = await familyIfGood();
  const found = remnants(dirname(statePath("x")), all);
  // Without podman there are no images to speak of, and the files can go all the same.
  const images = Bun.which("podman")
    ? await planSweep(family ? [`${family.registry}/${family.prefix}-`] : [], all)
    : { named: [], unnamed: [], bytes: 0 };

  const rows = [
    ...found.map((f) => ({ what: f.what, where: relative(projectRoot, f.path), bytes: f.bytes })),
    ...images.named.map((name) => ({ what: "image", where: name, bytes: undefined })),
  ];
  const tests = all ? testStorageBytes() : 0;
  if (tests) rows.push({ what: "images that the tests keep", where: ".slipway/test", bytes: tests });
  if (images.unnamed.length)
    rows.push({
      what: "unnamed images",
      where: `${images.unnamed.length} of old builds and their cache`,
      bytes: undefined,
    });
  const total = found.reduce((sum, f) => sum + f.bytes, tests + (images.bytes ?? 0));
  const report = (removed: boolean) => printJson({ removed, files: found, images, tests, bytes: total });

  if (rows.length === 0) {
    if (args.has("json")) report(false);
    else print(`Nothing to remove.${all ? "" : " (--all looks at caches and images too)"}`);
    return exit.done;
  }
  const cells = rows.map((row) => [row.bytes === undefined ? "" : bytes(row.bytes), row.where, row.what]);
  const sum = [
    bytes(total),
    "in all",
    images.bytes === undefined ? "and the images" : "with what the images do not share",
  ];
  const shown = table([...cells, sum], (cell, _, row) => (row === cells.length ? paintOut.bold(cell) : cell));
  if (!args.has("json")) print(shown);

  if (args.has("dry-run")) {
    if (args.has("json")) report(false);
    return exit.done;
  }
  if (!args.has("yes")) {
    if (!canAsk)
      throw new Failure(exit.usage, "clean asks before it removes anything, and there is no terminal to ask", {
        next: `bun run clean${all ? " --all" : ""} --yes`,
      });
    if (!(await confirm("Remove this?", false))) {
      say("nothing was removed");
      return exit.done;
    }
  }
  // A killed build may have left containers that hold its images, and only its run folder knows them.
  if (Bun.which("podman")) await sweepDeadRuns();
  await sweepImages(images);
  if (tests) await emptyTestStorage();
  remove(found);
  if (args.has("json")) report(true);
  else print(`removed ${bytes(total)}`);
  return exit.done;
});
