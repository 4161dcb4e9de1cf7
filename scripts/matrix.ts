#!/usr/bin/env bun
import { command } from "../lib/cli/command.ts";
import { builtAt } from "../lib/family/arch.ts";
import { loadFamily } from "../lib/family/manifest.ts";
import { allTargets } from "../lib/family/target.ts";
import { print, printJson, table } from "../lib/system/output.ts";

await command("matrix", async (args) => {
  const targets = allTargets(await loadFamily());
  if (args.has("arches")) {
    const arches = builtAt([...new Set(targets.map((t) => t.arch))], args.value("schedule") ?? "any");
    const include = arches.map(({ name, runner }) => ({ arch: name, runner }));
    if (args.has("json")) return printJson({ include });
    return print(
      table([["arch", "runner"], ...include.map((a) => [a.arch, a.runner.join(" ")])], undefined, { head: true }),
    );
  }
  const include = targets.map(({ arch, flavor, reference }) => ({
    arch: arch.name,
    flavor: flavor.name,
    base: flavor.from?.name ?? null,
    reference,
    runner: arch.runner,
  }));
  if (args.has("json")) return printJson({ include });
  const head = ["arch", "flavor", "base", "reference", "runner"];
  const rows = include.map((t) => [t.arch, t.flavor, t.base ?? "–", t.reference, t.runner.join(" ")]);
  print(table([head, ...rows], undefined, { spare: [4, 2], head: true }));
});
