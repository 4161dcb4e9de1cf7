#!/usr/bin/env bun
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command } from "../lib/cli/command.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { renderReadme } from "../lib/family/readme.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { print, say } from "../lib/system/output.ts";

await command("readme", async (args) => {
  const family = await loadFamily();
  const file = join(family.root, "README.md");
  if (!existsSync(file)) throw new Failure(exit.failed, "there is no README.md here", { tried: [file] });
  const text = readFileSync(file, "utf8");
  const wanted = renderReadme(text, family);
  if (text === wanted) return say("the tables of README.md are up to date");
  if (args.has("check"))
    throw new Failure(exit.failed, "the tables of README.md are out of date", { next: "bun run readme" });
  writeFileSync(file, wanted);
  print("README.md");
});
