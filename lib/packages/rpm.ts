import type { Database } from "bun:sqlite";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Files } from "../layers/content.ts";
import { byteString } from "../layers/entry.ts";
import { inTurns } from "../layers/turns.ts";
import { Failure } from "../system/errors.ts";
import type { Claims } from "./owner.ts";

/** Sources: rpm's "Package Header" format, the table `Packages` of its sqlite database. */
const places = ["usr/lib/sysimage/rpm", "usr/share/rpm", "var/lib/rpm"];

const tags = {
  ...{ name: 1000, version: 1001, release: 1002, epoch: 1003, buildTime: 1006, sourceRpm: 1044 },
  ...{ dirIndexes: 1116, baseNames: 1117, dirNames: 1118 },
};
const types = { int32: 4, string: 6, stringArray: 8, i18n: 9 };

/** As rpm has them: entries of a header, and bytes of its data (lib/header.c, `hdrchkTags` and `hdrchkData`). */
const [mostTags, mostData] = [0xffff, 0x0fff_ffff];

/** A broken header; the caller knows the file and names it. */
class BrokenHeader extends Error {}

/** The values of a header by tag; those of no interest are not read. @throws BrokenHeader, RangeError */
export function readHeader(blob: Buffer): Map<number, (string | number)[]> {
  const wanted = new Set(Object.values(tags));
  const values = new Map<number, (string | number)[]>();
  const count = blob.readUInt32BE(0);
  if (count > mostTags || blob.length > mostData) throw new BrokenHeader();
  const data = 8 + count * 16;
  for (let i = 0; i < count; i++) {
    const at = 8 + i * 16;
    const tag = blob.readUInt32BE(at);
    if (!wanted.has(tag)) continue;
    const from = data + blob.readUInt32BE(at + 8);
    // Each only once: a small header could make us read the same text any number of times.
    if (values.has(tag)) throw new BrokenHeader();
    values.set(tag, readValues(blob, blob.readUInt32BE(at + 4), blob.readUInt32BE(at + 12), from));
  }
  return values;
}

function readValues(blob: Buffer, type: number, count: number, start: number): (string | number)[] {
  const list: (string | number)[] = [];
  const isText = type === types.string || type === types.stringArray || type === types.i18n;
  if (!isText && type !== types.int32) return list;
  for (let n = 0, from = start; n < count; n++) {
    if (!isText) {
      list.push(blob.readUInt32BE(from));
      from += 4;
      continue;
    }
    const end = blob.indexOf(0, from);
    if (end < from || from >= blob.length) throw new BrokenHeader();
    list.push(blob.toString("utf8", from, end));
    from = end + 1;
  }
  return list;
}

/** `bash-5.2.26-3.fc40.src.rpm` → "bash". */
function sourceName(rpm: string): string {
  return rpm.replace(/-[^-]+-[^-]+\.(no)?src\.rpm$/, "");
}

/**
 * The table as rpm makes it, lib/backend/sqlite.cc. With another definition the name could be a query or an expression that
 * never ends.
 */
const definition =
  /^CREATE TABLE ['"`]?Packages['"`]? ?\( ?hnum INTEGER PRIMARY KEY( AUTOINCREMENT)?, ?blob BLOB NOT NULL ?\)$/i;
/** What a row takes in the file at least, without its header. */
const rowBytes = 4;

/** One header after the other. @throws Error for a broken database, or one with more bytes in its rows than in the file */
function* headers(db: Database, size: number): Generator<Map<number, (string | number)[]>> {
  const table = db
    .query<{ sql: string }, []>("select sql from sqlite_schema where type = 'table' and name = 'Packages'")
    .get();
  if (!definition.test(table?.sql.replaceAll(/\s+/g, " ") ?? "")) throw new Error("its table of packages is not rpm's");
  let bytes = 0;
  for (const { blob } of db.query<{ blob: Uint8Array }, []>("select blob from Packages order by rowid").iterate()) {
    bytes += blob.length + rowBytes;
    // A page that is named many times is read many times.
    if (bytes > size) throw new Error("it names parts of itself more than once");
    yield readHeader(Buffer.from(blob));
  }
}

/** `1:5.2.26-3.fc40`, the epoch only where there is one. */
function versionOf(header: Map<number, (string | number)[]>): string {
  const [epoch, version, release] = [tags.epoch, tags.version, tags.release].map((tag) => header.get(tag)?.[0]);
  if (version === undefined || release === undefined) return "";
  return `${epoch === undefined ? "" : `${epoch}:`}${version}-${release}`;
}

function claimAll(header: Map<number, (string | number)[]>, claims: Claims): void {
  const name = String(header.get(tags.name)?.[0] ?? "");
  const source = header.get(tags.sourceRpm)?.[0];
  const component = `rpm/${source ? sourceName(String(source)) : name}`;
  claims.installed(name, versionOf(header), component);
  claims.built(component, Number(header.get(tags.buildTime)?.[0] ?? 0));
  const folders = header.get(tags.dirNames) ?? [];
  const indexes = header.get(tags.dirIndexes) ?? [];
  for (const [i, base] of (header.get(tags.baseNames) ?? []).entries()) {
    const path = `${folders[Number(indexes[i])] ?? ""}${base}`.slice(1);
    if (path) claims.claim(byteString(path), component);
  }
}

/**
 * @param work a folder for a copy of the database: sqlite reads files.
 * @throws Failure for a database that cannot be read, naming it
 */
export async function rpmOwners(files: Files, claims: Claims, work: string): Promise<void> {
  const place = places.find((p) => files.has(`${p}/rpmdb.sqlite`));
  if (place === undefined) return;
  const { Database } = await import("bun:sqlite");
  let size = 0;
  for (const suffix of ["", "-wal"]) {
    const bytes = files.bytes(`${place}/rpmdb.sqlite${suffix}`, "database");
    if (bytes) writeFileSync(join(work, `rpmdb.sqlite${suffix}`), bytes);
    size += bytes?.length ?? 0;
  }
  let db: Database | undefined;
  try {
    db = new Database(join(work, "rpmdb.sqlite"));
    await inTurns(headers(db, size), (header) => claimAll(header, claims));
  } catch (error) {
    if (error instanceof Failure) throw error;
    const what = error instanceof BrokenHeader || error instanceof RangeError ? "a package's header" : String(error);
    throw files.failure(`${place}/rpmdb.sqlite`, `not a readable rpm database: ${what}`);
  } finally {
    db?.close();
  }
}
