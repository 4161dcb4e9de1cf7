import { type Flavor, lineage } from "./family.ts";
import { eachFlavor, isLinked, packagesOf, type Rule } from "./rule.ts";

/** Rules about installation: what bootc refuses, and what a machine could install but never update. */

const expected = "install: {composefs: true, bootloader: systemd}";

/**
 * Why bootc would refuse: it puts an ostree system on a disk by bootupd only, and its composefs backend does without.
 * Source: bootc 1.16, install.rs: "bootupd is required for ostree-based installs" (bootc issue 2093).
 */
function refusal(flavor: Flavor): { message: string; expected: string } | undefined {
  const { install, bootc } = flavor;
  if (!bootc || install.composefs) return undefined;
  if (install.bootloader === "systemd")
    return { message: "bootc installs systemd-boot with its composefs backend only", expected };
  const names = new Set(lineage(flavor).flatMap((one) => packagesOf(one).map(({ name }) => name)));
  // where the packages do not bring bootc, the base image does, and nobody knows here what else that has
  if (install.bootloader === "none" || !names.has("bootc") || names.has("bootupd")) return undefined;
  const message = "bootc cannot install this flavor: without the package bootupd it needs the composefs backend";
  return { message, expected: `${expected}, or bootupd in a group` };
}

export const bootcCanInstall = eachFlavor((flavor, { yaml }, { sources }) => {
  const refused = isLinked(flavor, sources) ? refusal(flavor) : undefined;
  // a base's mistake is named there
  if (!refused || (flavor.from && refusal(flavor.from))) return [];
  return [yaml.mistake(["install"], refused.message, refused.expected)];
});

/** bootc's composefs backend reads one frame a layer: a machine that gets another image never updates again (bootc issue 2408). */
export const layersCanBeRead: Rule = ({ family, top, topWhole }) => {
  if (!topWhole || family.push.compression !== "zstd:chunked") return [];
  const reader = [...family.flavors.values()].find(({ install }) => install.composefs);
  if (!reader) return [];
  const message = `machines of ${reader.name} cannot read \`zstd:chunked\`: bootc's composefs backend reads one frame a layer`;
  return [top.mistake(["push", "compression"], message, "zstd, gzip, or nothing: then it is right for each flavor")];
};
