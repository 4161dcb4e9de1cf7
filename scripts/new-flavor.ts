#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { loadFamilyToGrow } from "../lib/family/manifest.ts";
import { decideNewFlavor, writeNewFlavor } from "../lib/family/new-flavor.ts";
import { print, printJson, say } from "../lib/system/output.ts";

await command("new-flavor", async (args) => {
  const family = await loadFamilyToGrow();
  const given = {
    name: args.words[0],
    title: args.value("title"),
    from: args.value("from"),
    arches: args.value("arches"),
    displayManager: args.value("display-manager"),
  };
  const flavor = await decideNewFlavor(family, given, args.has("yes"));
  const files = await writeNewFlavor(family, flavor);
  const next = `bun run build ${flavor.arches[0]} ${flavor.name}`;
  if (args.has("json")) {
    const { name, title, recipe, arches, displayManager = null } = flavor;
    return printJson({ name, title, recipe, from: flavor.from?.name ?? null, arches, displayManager, files, next });
  }
  for (const file of files) print(file);
  say(`next: look at ${files[0]}, then ${next}    bun run readme`);
});
