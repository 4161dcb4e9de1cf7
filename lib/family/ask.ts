import { exit, Failure } from "../cli/errors.ts";
import { say } from "../cli/output.ts";
import { canAsk, chooseMany, chooseOne } from "../cli/prompts.ts";
import { bestArch, missingFlags, thisCpu } from "./arch.ts";
import type { Arch, Family, Target } from "./family.ts";
import { findArch, findTarget, findTargets, flavorsOf, withArch } from "./target.ts";

async function askArch(family: Family): Promise<Arch> {
  const { flags } = thisCpu();
  const best = bestArch(family.arches.values(), flags);
  const choices = [...family.arches.values()].map((arch) => {
    const missing = missingFlags(arch, flags);
    const note = missing.length ? ` (this CPU lacks ${missing.join(" ")})` : "";
    return { value: arch.name, title: `${arch.name}: ${arch.title}${note}`, selected: arch === best };
  });
  return findArch(family, await chooseOne("Which arch?", choices));
}

async function askFlavors(family: Family, arch: Arch): Promise<string[]> {
  const flavors = flavorsOf(family, arch);
  const { flavor: usual } = family.default;
  return chooseMany(
    "Which flavors?",
    flavors.map((f) => ({
      value: f.name,
      title: `${f.name}: ${f.title}`,
      selected: f.name === usual || flavors.length === 1,
    })),
  );
}

/**
 * The targets that a command line means: `arch flavor…`. What is missing is asked in a terminal. Without one, nothing at
 * all (or --yes) means the family's default target, a flavor alone its only arch, and an arch without a flavor is an error that lists the choices.
 * @param command whose arguments they are, for what to write instead.
 */
export async function askForTargets(
  family: Family,
  words: string[],
  yes: boolean,
  command = "build",
): Promise<Target[]> {
  const [archName, ...names] = withArch(family, words);
  const mayAsk = canAsk && !yes;
  if (archName === undefined && !mayAsk) {
    const { arch, flavor } = family.default;
    say(`no target given: ${arch} ${flavor}, the default of flavors/family.yaml`);
    return [findTarget(family, findArch(family, arch), flavor)];
  }
  const arch = archName === undefined ? await askArch(family) : findArch(family, archName, command);
  if (names.length) return findTargets(family, arch, names, command);
  if (mayAsk) return findTargets(family, arch, await askFlavors(family, arch));
  if (yes && flavorsOf(family, arch).some((f) => f.name === family.default.flavor))
    return [findTarget(family, arch, family.default.flavor)];
  const here = flavorsOf(family, arch).map((f) => f.name);
  throw new Failure(exit.usage, `which flavor of ${arch.name}?`, {
    tried: [`the flavors of ${arch.name}: ${here.join(" ")}`],
    next: `bun run ${command} ${arch.name} all  or  bun run ${command} ${arch.name} ${here[0] ?? "FLAVOR"}`,
  });
}

/** One target, for a command that takes no more: asked for like several, the default where nothing is said. */
export async function askForTarget(family: Family, words: string[], yes: boolean): Promise<Target> {
  if (words.length === 1 && family.arches.has(words[0] ?? "") && canAsk && !yes) {
    const arch = findArch(family, words[0] ?? "");
    return findTarget(family, arch, await askFlavor(family, arch));
  }
  if (words.length === 0 && canAsk && !yes) {
    const arch = await askArch(family);
    return findTarget(family, arch, await askFlavor(family, arch));
  }
  const [target, ...more] = await askForTargets(family, words, yes);
  if (target && more.length === 0) return target;
  throw new Failure(exit.usage, "one flavor, not several", {
    tried: [`the flavors of ${target?.arch.name}: ${[target, ...more].map((t) => t?.flavor.name).join(" ")}`],
  });
}

async function askFlavor(family: Family, arch: Arch): Promise<string> {
  return chooseOne(
    "Which flavor?",
    flavorsOf(family, arch).map((f) => ({
      value: f.name,
      title: `${f.name}: ${f.title}`,
      selected: f.name === family.default.flavor,
    })),
  );
}
