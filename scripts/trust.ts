#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { askForTarget } from "../lib/family/ask.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { print, printJson, say } from "../lib/system/output.ts";
import { groundOf, planTrust, writesItself, writeTrust } from "../lib/trust/add-trust.ts";
import { baseTexts } from "../lib/trust/base-texts.ts";

await command("trust", async (args) => {
  const [verb, ...words] = args.words;
  if (verb !== "add") throw new Failure(exit.usage, "trust has one word: add", { next: "bun run trust add --help" });
  const family = await loadFamily();
  const target = groundOf(await askForTarget(family, words, args.has("yes")), family);
  const { flavor } = target;
  const plan = writesItself(flavor, family.root)
    ? { files: [], changes: [] }
    : planTrust(family, flavor, await baseTexts(target, family, args.value("from")));
  const files = args.has("dry-run")
    ? plan.files.map(({ place }) => `overlays/${flavor.name}${place}`)
    : writeTrust(family, flavor, plan);
  const { changes } = plan;
  if (args.has("json")) return printJson({ flavor: flavor.name, files, changes });
  for (const file of files) print(file);
  for (const change of changes) say(change);
  if (files.length === 0) return say(`nothing to add: images of ${flavor.name} have what machines check them with`);
  say(
    `next: build again; the Containerfile must copy them after its last package, and before bootc container lint: COPY overlays/${flavor.name}/ /`,
  );
});
