import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Files } from "../../../image/content.ts";
import { byteString } from "../../../image/entry.ts";
import type { Claims } from "./owner.ts";

/** Sources: rpm's "Package Header" format, the table `Packages` of its sqlite database. */
const places = ["usr/lib/sysimage/rpm", "usr/share/rpm", "var/lib/rpm"];

const tags = { name: 1000, buildTime: 1006, sourceRpm: 1044, dirIndexes: 1116, baseNames: 1117, dirNames: 1118 };
const types = { int32: 4, string: 6, stringArray: 8, i18n: 9 };

/** The values of a header by tag; those of no interest are not read. */
export function readHeader(blob: Buffer): Map<number, (string | number)[]> {
  const wanted = new Set(Object.values(tags));
  const values = new Map<number, (string | number)[]>();
  const count = blob.readUInt32BE(0);
  const data = 8 + count * 16;
  for (let i = 0; i < count; i++) {
    const at = 8 + i * 16;
    const tag = blob.readUInt32BE(at);
    if (!wanted.has(tag)) continue;
    const type = blob.readUInt32BE(at + 4);
    const length = blob.readUInt32BE(at + 12);
    const list: (string | number)[] = [];
    for (let n = 0, from = data + blob.readUInt32BE(at + 8); n < length; n++) {
      if (type === types.int32) {
        list.push(blob.readUInt32BE(from));
        from += 4;
      } else if (type === types.string || type === types.stringArray || type === types.i18n) {
        const end = blob.indexOf(0, from);
        list.push(blob.toString("utf8", from, end));
        from = end + 1;
      }
    }
    values.set(tag, list);
  }
  return values;
}

/** `bash-5.2.26-3.fc40.src.rpm` → "bash". */
function sourceName(rpm: string): string {
  return rpm.replace(/-[^-]+-[^-]+\.(no)?src\.rpm$/, "");
}

/** @param work a folder for a copy of the database: sqlite reads files. */
export async function rpmOwners(files: Files, claims: Claims, work: string): Promise<void> {
  const place = places.find((p) => files.has(`${p}/rpmdb.sqlite`));
  if (place === undefined) return;
  const { Database } = await import("bun:sqlite");
  for (const suffix of ["", "-wal"]) {
    const bytes = files.bytes(`${place}/rpmdb.sqlite${suffix}`);
    if (bytes) writeFileSync(join(work, `rpmdb.sqlite${suffix}`), bytes);
  }
  const db = new Database(join(work, "rpmdb.sqlite"));
  try {
    for (const { blob } of db.query<{ blob: Uint8Array }, []>("select blob from Packages order by hnum").iterate()) {
      const header = readHeader(Buffer.from(blob));
      const name = String(header.get(tags.name)?.[0] ?? "");
      const source = header.get(tags.sourceRpm)?.[0];
      const component = `rpm/${source ? sourceName(String(source)) : name}`;
      claims.packages.set(name, component);
      claims.built(component, Number(header.get(tags.buildTime)?.[0] ?? 0));
      const folders = header.get(tags.dirNames) ?? [];
      const indexes = header.get(tags.dirIndexes) ?? [];
      for (const [i, base] of (header.get(tags.baseNames) ?? []).entries()) {
        const path = `${folders[Number(indexes[i])] ?? ""}${base}`.slice(1);
        if (path) claims.claim(byteString(path), component);
      }
    }
  } finally {
    db.close();
  }
}
