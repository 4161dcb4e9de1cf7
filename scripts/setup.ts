#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { say } from "../lib/system/output.ts";
import { ensureToolbox } from "../lib/tools/toolbox.ts";
import { checkTools } from "../lib/tools/tools.ts";

// Bun, the dependencies and the system packages are there already when this begins: `run` sees to them for every command.
await command("setup", async () => {
  const found = (await checkTools()).map((tool) => tool.found);
  if (found.some((tool) => tool.place === "toolbox" && !tool.built)) await ensureToolbox();
  say("set up; bun run doctor shows what is here");
});
