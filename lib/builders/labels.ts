import type { Family, Target } from "../family/family.ts";
import { labelOf, stampTime } from "../trust/facts.ts";
import type { Origin } from "./epoch.ts";

/**
 * The labels that every image carries. Source: the OCI image specification, annotations.md; ours are in lib/trust/facts.ts.
 * Its date is that of its commit or its packages, whichever is newer: machines recognise an older image by that date.
 * @param base undefined for an image that starts from nothing
 * @param stamp when its packages were last upgraded on purpose
 */
export function imageLabels(
  { flavor, arch, reference }: Target,
  family: Family,
  origin: Origin,
  base: { name: string; digest: string | undefined } | undefined,
  stamp: string,
): Record<string, string> {
  const date = new Date(Math.max(origin.epoch * 1000, stampTime(stamp) ?? 0)).toISOString();
  return {
    [labelOf.created]: date.replace(/\.\d+Z$/, "Z"),
    ...(origin.revision ? { "org.opencontainers.image.revision": origin.revision } : {}),
    [labelOf.version]: `${arch.name}-${date.slice(0, 10).replaceAll("-", "")}`,
    ...addresses(family),
    // a family of one flavor may have one title for both
    "org.opencontainers.image.title": [...new Set([family.title, flavor.title])].join(" "),
    "org.opencontainers.image.description": `${flavor.title}, for ${arch.title}`,
    "org.opencontainers.image.vendor": family.vendor ?? family.title,
    ...(base ? { "org.opencontainers.image.base.name": base.name } : {}),
    ...(base?.digest ? { "org.opencontainers.image.base.digest": base.digest } : {}),
    ...(flavor.bootc ? { "containers.bootc": "1" } : {}),
    [labelOf.reference]: reference,
    [labelOf.refresh]: stamp,
    [labelOf.staleAfter]: `${family.staleAfter / 3600}h`,
  };
}

/** Where people find more. Source: the OCI image specification, "Pre-Defined Annotation Keys". */
function addresses({ source, url = source, documentation = source }: Family): Record<string, string> {
  const given = Object.entries({ source, url, documentation }).filter(([, address]) => address !== undefined);
  return Object.fromEntries(given.map(([name, address]) => [`org.opencontainers.image.${name}`, address as string]));
}
