import { canAsk, chooseMany, chooseOne } from "../cli/prompts.ts";
import { exit, Failure } from "../system/errors.ts";
import { say } from "../system/output.ts";
import { bestArch, missingFlags, thisCpu } from "./arch.ts";
import type { Arch, Family, Target } from "./family.ts";
import { findArch, findTarget, findTargets, flavorsOf, withArch } from "./target.ts";

/** Why an arch will not do right now, in a few words; undefined where it will. */
export type Obstacle = (arch: Arch) => Promise<string | undefined>;

const noObstacle: Obstacle = async () => undefined;

/** The arches with what is against them, and the one that is marked: the default one, else the best, of those that will do. */
async function askArch(family: Family, obstacle: Obstacle): Promise<Arch> {
  const { flags } = thisCpu();
  const judged = await Promise.all(
    [...family.arches.values()].map(async (arch) => {
      const missing = missingFlags(arch, flags);
      const lacks = missing.length ? [`this CPU lacks ${missing.join(" ")}`] : [];
      const kept = await obstacle(arch);
      return { arch, against: [...lacks, ...(kept === undefined ? [] : [kept])] };
    }),
  );
  const good = judged.filter(({ against }) => against.length === 0).map(({ arch }) => arch);
  const marked = good.find((arch) => arch.name === family.default.arch) ?? bestArch(good, flags);
  const [only, ...others] = judged;
  if (only && others.length === 0) return only.arch;
  const choices = judged.map(({ arch, against }) => {
    const note = against.length ? ` (${against.join(", ")})` : "";
    return { value: arch.name, title: `${arch.name}: ${arch.title}${note}`, selected: arch === marked };
  });
  return findArch(family, await chooseOne("Which arch?", choices));
}

async function askFlavors(family: Family, arch: Arch): Promise<string[]> {
  const flavors = flavorsOf(family, arch);
  const [only, ...others] = flavors;
  if (only && others.length === 0) return [only.name];
  return chooseMany(
    "Which flavors?",
    flavors.map((f) => ({ value: f.name, title: `${f.name}: ${f.title}`, selected: f.name === family.default.flavor })),
  );
}

/**
 * The targets that a command line means: `arch flavor…`. What is missing is asked in a terminal. Without one, nothing at
 * all (or --yes) means the family's default target, a flavor alone its only arch, and an arch without a flavor is an error that lists the choices.
 * @param command whose arguments they are, for what to write instead.
 * @param obstacle what else than the CPU is against an arch; it is shown where the arch is asked for.
 */
export async function askForTargets(
  family: Family,
  words: string[],
  yes: boolean,
  command = "build",
  obstacle = noObstacle,
): Promise<Target[]> {
  const [archName, ...names] = withArch(family, words);
  const mayAsk = canAsk && !yes;
  if (archName === undefined && !mayAsk) {
    const { arch, flavor } = family.default;
    say(`no target given: ${arch} ${flavor}, the default of flavors/family.yaml`);
    return [findTarget(family, findArch(family, arch), flavor)];
  }
  const arch = archName === undefined ? await askArch(family, obstacle) : findArch(family, archName, command);
  if (names.length) return findTargets(family, arch, names, command);
  if (mayAsk) return findTargets(family, arch, await askFlavors(family, arch));
  if (yes && flavorsOf(family, arch).some((f) => f.name === family.default.flavor))
    return [findTarget(family, arch, family.default.flavor)];
  const here = flavorsOf(family, arch).map((f) => f.name);
  throw new Failure(exit.usage, `no flavor given for ${arch.name}`, {
    choices: [`the flavors of ${arch.name}: ${here.join(" ")}`],
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
    const arch = await askArch(family, noObstacle);
    return findTarget(family, arch, await askFlavor(family, arch));
  }
  const [target, ...more] = await askForTargets(family, words, yes);
  if (target && more.length === 0) return target;
  throw new Failure(exit.usage, "this command takes one flavor, not several", {
    choices: [`the flavors of ${target?.arch.name}: ${[target, ...more].map((t) => t?.flavor.name).join(" ")}`],
  });
}

async function askFlavor(family: Family, arch: Arch): Promise<string> {
  const flavors = flavorsOf(family, arch);
  const [only, ...others] = flavors;
  if (only && others.length === 0) return only.name;
  return chooseOne(
    "Which flavor?",
    flavors.map((f) => ({
      value: f.name,
      title: `${f.name}: ${f.title}`,
      selected: f.name === family.default.flavor,
    })),
  );
}
