import { basename } from "node:path";
import { type Family, type Flavor, lineage, type Target } from "../family/family.ts";
import { readOverlays } from "../family/overlay.ts";
import { mostText, needProjectFile, readProjectFile } from "../family/project-file.ts";
import { hasMarker, readRecipe } from "../family/recipe.ts";
import { findTarget } from "../family/target.ts";
import { writeOver } from "../family/write-project-file.ts";
import { exit, Failure } from "../system/errors.ts";
import { policyPlaces, registriesFolder } from "./image-texts.ts";
import { mergePolicy, parsePolicy } from "./merge-policy.ts";
import { keyPath, registriesYaml } from "./policy.ts";
import { registriesHoles } from "./registries-lint.ts";

/**
 * Gives a flavor's overlay what machines need to check its images: policy.json, registries.d and the public key. What the base ships
 * and what lies in the overlay already is the ground for it (merge-policy.ts).
 */

/** A file of the overlay that is to be written. */
interface Wanted {
  place: string;
  text: string;
}

export interface TrustPlan {
  files: Wanted[];
  /** What is other than in the base, as sentences. */
  changes: string[];
}

/** The target that all the trust of a target comes from: the lowest flavor of its line. */
export function groundOf({ arch, flavor }: Target, family: Family): Target {
  return findTarget(family, arch, (lineage(flavor).at(-1) ?? flavor).name);
}

/** The marker `files` writes all of it again in each build, after the overlay. */
export function writesItself(flavor: Flavor, root: string): boolean {
  return hasMarker(readRecipe(root, flavor), "files");
}

/** Texts of the overlay by their place in the image. @throws Failure for one that is a link or no file: it could lead anywhere */
function overlayTexts(family: Family, flavor: Flavor): Map<string, string> {
  const ours = [...policyPlaces, keyPath(family)];
  const isTrust = (place: string) => ours.includes(place) || place.startsWith(`${registriesFolder}/`);
  const files = readOverlays(family.root).files.filter((file) => file.flavor === flavor.name && isTrust(file.place));
  return new Map(
    files.map(({ file, place, link, strange }): [string, string] => {
      const read = readProjectFile(family.root, file);
      const wrong = link === undefined ? (strange ?? ("wrong" in read ? read.wrong : undefined)) : `a link to ${link}`;
      if (wrong !== undefined)
        throw new Failure(exit.failed, `${file} is not a plain file (${wrong}); nothing was written`, {
          next: "put a regular file in its place, or remove it",
        });
      return [place, "text" in read ? read.text : ""];
    }),
  );
}

/** registries.d, as far as it lacks the family's namespace. @throws Failure where a file of the base stands against it */
function registriesWanted(texts: Map<string, string>, family: Family): Wanted[] {
  const all = [...texts].flatMap(([place, text]) =>
    place.startsWith(`${registriesFolder}/`) && place.endsWith(".yaml") ? [{ name: basename(place), text }] : [],
  );
  if (registriesHoles(all, family.registry).length === 0) return [];
  const own = { name: `${family.prefix}.yaml`, text: `${registriesYaml(family).join("\n")}\n` };
  const [hole] = registriesHoles([...all.filter(({ name }) => name !== own.name), own], family.registry);
  if (!hole) return [{ place: `${registriesFolder}/${own.name}`, text: own.text }];
  throw new Failure(exit.failed, `signatures would not be found: ${hole.where}: ${hole.what}; nothing was written`, {
    tried: [`${registriesFolder} of the base and of the overlay`],
    next: hole.next,
  });
}

/**
 * What an overlay lacks so that machines check the flavor's images.
 * @param base texts of the base by their place in the image; empty where it ships none
 * @throws Failure where the base's policy or registries.d cannot be joined with the family's
 */
export function planTrust(family: Family, flavor: Flavor, base: Map<string, string>): TrustPlan {
  const own = overlayTexts(family, flavor);
  const texts = new Map([...base, ...own]);
  const place = policyPlaces.find((path) => texts.has(path));
  const whose = place && (own.has(place) ? `overlays/${flavor.name}${place}` : `the base's ${place}`);
  const before = place && whose ? parsePolicy(texts.get(place) ?? "", whose) : undefined;
  const { policy, changes } = mergePolicy(before, family);
  const key = needProjectFile(family.root, family.key, mostText);
  const wanted: Wanted[] = [
    ...(changes.length ? [{ place: policyPlaces[0] ?? "", text: `${JSON.stringify(policy, null, 2)}\n` }] : []),
    ...registriesWanted(texts, family),
    { place: keyPath(family), text: key },
  ];
  return { files: wanted.filter((file) => texts.get(file.place) !== file.text), changes };
}

/** Writes a plan into the overlay. @returns the files, from the project's root. @throws Failure for a link on the way */
export function writeTrust(family: Family, flavor: Flavor, { files }: TrustPlan): string[] {
  return files.map(({ place, text }) => {
    const name = `overlays/${flavor.name}${place}`;
    writeOver(family.root, name, text);
    return name;
  });
}
