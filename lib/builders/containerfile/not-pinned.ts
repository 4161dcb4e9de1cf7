import type { Family, Target } from "../../family/family.ts";
import { readPins } from "../../tools/pins.ts";
import { baseReference } from "../base-name.ts";
import { type Containerfile, type Instruction, takenFrom } from "./instructions.ts";

/**
 * What a Containerfile takes from outside without a package manager's check: images in FROM and in COPY --from, git repositories
 * (the value of an ARG whose name ends in _REPO), recipes of the AUR.
 */

export interface Taken {
  at: Instruction | undefined;
  /** As the file of pins calls it. */
  address: string;
}

/** An ARG's name and default. */
function argOf({ text }: Instruction): [string, string] {
  const [, name = "", value = ""] = /^(\w+)=["']?([^"'\s]*)/.exec(text) ?? [];
  return [name, value];
}

/** What is taken as it is that day: it has no pin. */
export function notPinned(file: Containerfile, target: Target, family: Family): Taken[] {
  const own = target.flavor.from && baseReference(target, family);
  const used = new Set(
    [...file.stages.map(({ from }) => from), ...file.instructions.flatMap(takenFrom)].map((name) =>
      name.replaceAll(/[${}]/g, ""),
    ),
  );
  const addresses = file.instructions.flatMap((at): Taken[] => {
    if (at.keyword !== "ARG") return [];
    const [name, value] = argOf(at);
    const image = at.stage === -1 && used.has(name) && value !== own && !value.includes("@sha256:");
    const repository = name.endsWith("_REPO") && !/#[0-9a-f]{40}$/.test(value);
    return value && (image || repository) ? [{ at, address: value }] : [];
  });
  const known = new Set((readPins(family.root) ?? []).filter(({ pin }) => pin).map(({ address }) => address));
  const recipes = (target.flavor.aur?.packages ?? [])
    .filter((name) => !known.has(`aur:${name}`))
    .map((name) => ({
      at: file.instructions.find(({ text }) => text.endsWith(`/aur-build ${name}`)),
      address: `aur:${name}`,
    }));
  return [...addresses, ...recipes];
}
