import { ageInSeconds } from "../family/family.ts";
import type { ImageConfig } from "../oci/manifest.ts";

/**
 * What an image says about itself. It is in the configuration, which the signed digest covers. So a registry can show another
 * signed image, but cannot change what an image says. Nobody signs a tag, and a signature names only the repository: which arch
 * an image is for, and how old it is, is only in its labels.
 */

export const labelOf = {
  /** The name that machines follow: another flavor's or arch's image has another one. */
  reference: "org.slipway.reference",
  /** Other tags under which machines may follow it, with spaces between them. */
  tags: "org.slipway.tags",
  /** When its packages were last upgraded on purpose, such as 20261121T033000Z. */
  refresh: "org.slipway.refresh",
  /**
   * How old that may be, such as 4w. On the image and not in a file of it: a label is read before a layer is downloaded, and
   * on a machine that is not of the family yet.
   */
  staleAfter: "org.slipway.stale-after",
  created: "org.opencontainers.image.created",
  version: "org.opencontainers.image.version",
} as const;

/** Times are milliseconds since 1970; undefined if the image does not say it, or not in a known form. */
export interface Facts {
  reference: string | undefined;
  /** Its other tags. */
  tags?: string[];
  version: string | undefined;
  made: number | undefined;
  refreshed: number | undefined;
  /** Seconds. */
  staleAfter: number | undefined;
}

/** "2026-11-21T03:30:00Z" → milliseconds. 1970 does not count: builds that do not know the date write it. Source: RFC 3339. */
export function timeOf(text: unknown): number | undefined {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
  const time = typeof text === "string" && form.test(text) ? Date.parse(text) : Number.NaN;
  return time > 0 ? time : undefined;
}

/** "20261121T033000Z", the form of a refresh stamp. */
export function stampTime(text: unknown): number | undefined {
  const m = typeof text === "string" ? /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) : null;
  return m ? timeOf(`${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}Z`) : undefined;
}

/** "znver4-20261121" → the beginning of that day: the least that a version of ours says. */
export function versionTime(text: unknown): number | undefined {
  const day = typeof text === "string" ? /-(\d{8})$/.exec(text)?.[1] : undefined;
  return day === undefined ? undefined : stampTime(`${day}T000000Z`);
}

export function latest(times: (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length ? Math.max(...known) : undefined;
}

/** Anybody may have written the labels: the result is safe to show on a terminal. */
export function factsOf(config: Partial<ImageConfig>): Facts {
  const labels: Record<string, unknown> = config.config?.Labels ?? {};
  const text = (name: string, form: RegExp) => {
    const value = labels[name];
    return typeof value === "string" && form.test(value) ? value : undefined;
  };
  const version = text(labelOf.version, /^[\w.+:~-]{1,128}$/);
  const refreshed = stampTime(labels[labelOf.refresh]);
  const age = text(labelOf.staleAfter, /^[1-9]\d{0,4}[hdw]$/);
  return {
    reference: text(labelOf.reference, /^[a-z0-9][\w.:/-]{0,255}$/),
    tags: text(labelOf.tags, /^\w[\w. -]{0,255}$/)?.split(" ") ?? [],
    version,
    made: latest([timeOf(labels[labelOf.created]), timeOf(config.created), versionTime(version), refreshed]),
    refreshed,
    staleAfter: age === undefined ? undefined : ageInSeconds(age),
  };
}

/**
 * A configuration whose own date is the one in its labels. podman writes the commit's date there; bootc's composefs backend shows
 * only that field, and a machine knows an older image by it. Source: boot_entry_from_composefs_deployment in bootc's status.rs.
 */
export function dated(config: ImageConfig): ImageConfig {
  const created = config.config?.Labels?.[labelOf.created];
  return created === undefined || timeOf(created) === undefined ? config : { ...config, created };
}
