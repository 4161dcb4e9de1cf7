#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { exit, Failure } from "../lib/system/errors.ts";
import { didYouMean } from "../lib/system/nearest.ts";
import { verbs } from "../lib/vm/verbs.ts";

await command("vm", async (args) => {
  const [what = "list", name] = args.words;
  const verb = Object.hasOwn(verbs, what) ? verbs[what] : undefined;
  if (verb) return verb(name, args);
  const names = Object.keys(verbs);
  throw new Failure(exit.usage, `vm: unknown word \`${what}\`${didYouMean(what, names)}`, {
    tried: [`there are: ${names.join(" ")}`],
    next: "bun run vm list",
  });
});
