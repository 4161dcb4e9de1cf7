#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { print } from "../lib/cli/output.ts";
import { toolRoot } from "../lib/cli/project.ts";
import { runTests, selectTests } from "../lib/cli/testing.ts";

await command("test", async (args) => {
  const files = selectTests(toolRoot, args.words);
  const { passed, failed, skipped } = await runTests(toolRoot, files);
  print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
});
