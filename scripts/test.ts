#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { print, say } from "../lib/cli/output.ts";
import { toolRoot } from "../lib/cli/project.ts";
import { isSlow, runTests, selectTests } from "../lib/cli/testing.ts";

await command("test", async (args) => {
  const slow = args.has("slow") || !!process.env.CI;
  const files = selectTests(toolRoot, args.words, slow);
  const left = slow ? [] : selectTests(toolRoot, args.words).filter((file) => isSlow(file) && !files.includes(file));
  if (left.length) say(`left out, as they take minutes: ${left.join(" ")} (--slow runs them)`);
  const { passed, failed, skipped, failures } = await runTests(toolRoot, files);
  for (const failure of failures) say(`failed: ${failure}`);
  print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
});
