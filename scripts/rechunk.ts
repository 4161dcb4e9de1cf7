#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTargets } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { reportRechunk } from "../lib/ship/rechunk/report.ts";
import { dryLines, rechunkImage, rechunkSteps, wishOf } from "../lib/ship/rechunk/target.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { print } from "../lib/system/output.ts";
import { runSteps } from "../lib/system/steps.ts";

await command("rechunk", async (args) => {
  const family = await loadFamily();
  const claims = args.value("components") ?? "packages";
  if (claims !== "packages" && claims !== "tags")
    throw new Failure(exit.usage, `rechunk: --components takes packages or tags, not \`${claims}\``);
  const writer = args.value("with") ?? "slipway";
  if (writer !== "slipway" && writer !== "chunkah")
    throw new Failure(exit.usage, `rechunk: --with takes slipway or chunkah, not \`${writer}\``);
  const options = {
    chunkah: writer === "chunkah",
    layers: args.count("layers", family.rechunk.layers),
    tags: claims === "tags",
    previous: args.value("previous"),
  };
  const wish = wishOf(family, options);
  const [image, folder] = [args.value("image"), args.value("to")];
  if ((image === undefined) !== (folder === undefined))
    throw new Failure(exit.usage, "rechunk: --image and --to belong together", {
      next: "bun run rechunk --image IMAGE --to DIR",
    });
  if (image !== undefined && folder !== undefined) {
    const id = image;
    const step = { id, title: `rechunk ${image}`, after: [], run: () => rechunkImage(image, folder, wish) };
    return reportRechunk(await runSteps([step], 1), args.has("json"));
  }
  const targets = await askForTargets(family, args.words, args.has("yes"), "rechunk");
  if (args.has("dry-run")) return print(targets.flatMap((t) => [`# ${t.reference}`, ...dryLines(t, wish)]).join("\n"));
  return reportRechunk(await runSteps(rechunkSteps(targets, wish), 1), args.has("json"));
});
