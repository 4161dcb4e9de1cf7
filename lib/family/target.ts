import { exit, Failure } from "../system/errors.ts";
import { didYouMean, nearest } from "../system/nearest.ts";
import { statePath } from "../system/project.ts";
import type { Arch, Family, Flavor, Target } from "./family.ts";

/** The image reference of a flavor for an arch. */
export function reference(family: Family, flavor: string, arch: string): string {
  return `${family.registry}/${family.prefix}-${flavor}:${arch}`;
}

export function target(family: Family, arch: Arch, flavor: Flavor): Target {
  return { arch, flavor, reference: reference(family, flavor.name, arch.name) };
}

/** A file of `.slipway/state/KIND/` about one target. References have no `+` or `@`, so no two targets of any family share one. */
export function targetState(kind: string, { reference }: Pick<Target, "reference">): string {
  return statePath("state", kind, `${reference.replaceAll("/", "+").replaceAll(":", "@")}.json`);
}

/** Every target of the family: arches as in family.yaml, and within an arch a base before what is based on it. */
export function allTargets(family: Family): Target[] {
  return [...family.arches.values()].flatMap((arch) =>
    flavorsOf(family, arch).map((flavor) => target(family, arch, flavor)),
  );
}

/** The flavors that exist for an arch, in build order. */
export function flavorsOf(family: Family, arch: Arch): Flavor[] {
  return [...family.flavors.values()].filter((f) => f.arches.includes(arch.name));
}

/** Command lines, one of which was meant. */
const either = (lines: string[]) => lines.join("  or  ");

/**
 * @param command whose argument it is, for what to write instead.
 * @throws Failure (usage) with the nearest word and the list.
 */
export function findArch(family: Family, name: string, command = "build"): Arch {
  const arch = family.arches.get(name);
  if (arch) return arch;
  const names = [...family.arches.keys()];
  if (family.flavors.has(name)) {
    const of = family.flavors.get(name)?.arches ?? [];
    throw new Failure(exit.usage, `\`${name}\` is a flavor; the arch comes first`, {
      next: either(of.map((a) => `bun run ${command} ${a} ${name}`)),
    });
  }
  if (name === "all")
    throw new Failure(exit.usage, "`all` is every flavor of an arch; the arch comes first", {
      next: either(names.map((a) => `bun run ${command} ${a} all`)),
    });
  const near = nearest(name, [...names, ...family.flavors.keys()]);
  const flavor = near === undefined || family.arches.has(near) ? undefined : family.flavors.get(near);
  if (flavor)
    throw new Failure(exit.usage, `unknown arch \`${name}\`; did you mean the flavor \`${flavor.name}\`?`, {
      choices: [`the arches of ${family.name}: ${names.join(" ")}`],
      next: either(flavor.arches.map((a) => `bun run ${command} ${a} ${flavor.name}`)),
    });
  throw new Failure(exit.usage, `unknown arch \`${name}\`${didYouMean(name, names)}`, {
    choices: [`the arches of ${family.name}: ${names.join(" ")}`],
  });
}

/** @throws Failure (usage) for a flavor that does not exist, or not for this arch. */
export function findTarget(family: Family, arch: Arch, name: string, command = "build"): Target {
  const flavor = family.flavors.get(name);
  const here = flavorsOf(family, arch).map((f) => f.name);
  if (!flavor)
    throw new Failure(exit.usage, `unknown flavor \`${name}\`${didYouMean(name, family.flavors.keys())}`, {
      choices: [`the flavors of ${arch.name}: ${here.join(" ")}`],
      next: "bun run list",
    });
  if (!flavor.arches.includes(arch.name))
    throw new Failure(exit.usage, `${name} does not exist for ${arch.name}; it has: ${flavor.arches.join(" ")}`, {
      choices: [`the flavors of ${arch.name}: ${here.join(" ")}`],
      next: `bun run ${command} ${flavor.arches[0] ?? ""} ${name}`,
    });
  return target(family, arch, flavor);
}

/**
 * The words of a command line with the arch in front where it can be left out: a flavor that exists for one arch only.
 */
export function withArch(family: Family, words: string[]): string[] {
  const isArch = (word: string) => family.arches.has(word);
  const arches = words.some(isArch) ? [] : (family.flavors.get(words[0] ?? "")?.arches ?? []);
  return arches.length === 1 ? [...arches, ...words] : words;
}

/** For a command about all that is published: an arch alone means every flavor of it. */
export function withAll(family: Family, words: string[]): string[] {
  const [only = "", ...more] = words;
  return more.length === 0 && family.arches.has(only) ? [only, "all"] : words;
}

/** The named targets of an arch; `all` is every flavor of it. Repeats are dropped, build order is kept. */
export function findTargets(family: Family, arch: Arch, names: string[], command = "build"): Target[] {
  const found = names.flatMap((name) =>
    name === "all" ? flavorsOf(family, arch).map((f) => f.name) : [findTarget(family, arch, name, command).flavor.name],
  );
  return flavorsOf(family, arch)
    .filter((f) => found.includes(f.name))
    .map((f) => target(family, arch, f));
}
