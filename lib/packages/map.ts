import type { Files } from "../layers/content.ts";
import { byteString } from "../layers/entry.ts";
import { inTurns } from "../layers/turns.ts";
import { daysOf } from "./intervals.ts";
import type { Claims } from "./owner.ts";

/**
 * A list of files that the build wrote down, as BuildStream builds do, which have no package database: by element,
 * `{"files": ["/usr/bin/x"], "interval": "weekly"}`. The second place is where chunkah's users keep the same.
 */
const places = ["usr/lib/slipway/components.json", "usr/lib/chunkah/filemap.json"];

function isElement(value: unknown): value is { files: unknown[]; interval?: unknown } {
  return typeof value === "object" && value !== null && "files" in value && Array.isArray(value.files);
}

export async function mapOwners(files: Files, claims: Claims): Promise<void> {
  const value = places.map((p) => files.json(p)).find((v) => typeof v === "object" && v !== null);
  if (!value) return;
  for (const [name, element] of Object.entries(value)) {
    if (!isElement(element)) continue;
    const component = `element/${name}`;
    const interval = daysOf(element.interval);
    claims.hints.set(component, interval === undefined ? {} : { interval });
    await inTurns(element.files, (path) => {
      if (typeof path === "string") claims.claim(byteString(path.replace(/^\//, "")), component);
    });
  }
}
