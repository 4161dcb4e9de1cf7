/** An image of many small files, for what each costs in memory. */
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../layers/entry.ts";
import { endMark, header, padding } from "../layers/tar-write.ts";
import { blobPath, finishLayout, startLayout } from "../oci/layout.ts";

const packages = 800;
const piece = 4 << 20;

/** The packages' files, four of five in their lists. */
function path(i: number): string {
  return `usr/share/package-${i % packages}/folder-${Math.floor(i / packages) % 40}/some-file-name-${i}.txt`;
}

function* files(count: number): Generator<[path: string, text: string]> {
  const lists = Array.from({ length: packages }, () => ["/."]);
  for (let i = 0; i < count; i++) if (i % 5) lists[i % packages]?.push(`/${path(i)}`);
  const names = lists.map((_, p) => `package-${p}`);
  const status = names.map((name) => `Package: ${name}\nStatus: install ok installed\nVersion: 1.0\n`).join("\n");
  yield ["var/lib/dpkg/status", status];
  for (const [p, name] of names.entries()) yield [`var/lib/dpkg/info/${name}.list`, `${lists[p]?.join("\n")}\n`];
  for (let i = 0; i < count; i++) yield [path(i), `file ${i} `.repeat(1 + ((i * 7) % 90))];
}

/** Writes it as an oci folder, where it is not there yet. */
export function manyFiles(folder: string, count: number): void {
  if (existsSync(join(folder, "index.json"))) return;
  rmSync(folder, { recursive: true, force: true });
  startLayout(folder);
  const tar = join(folder, "tar");
  const fd = openSync(tar, "w");
  const hash = new Bun.CryptoHasher("sha256");
  let parts: Uint8Array[] = [];
  let length = 0;
  const flush = () => {
    const bytes = Buffer.concat(parts);
    hash.update(bytes);
    writeSync(fd, bytes);
    parts = [];
    length = 0;
  };
  const common: Omit<Entry, "path" | "size"> = {
    kind: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_700_000_000,
    at: 0,
  };
  for (const [path, text] of files(count)) {
    const bytes = Buffer.from(text, "latin1");
    parts.push(header({ ...common, path, size: bytes.length }), bytes, Buffer.alloc(padding(bytes.length)));
    length += bytes.length;
    if (length > piece) flush();
  }
  parts.push(Buffer.alloc(endMark));
  flush();
  closeSync(fd);
  const digest = `sha256:${hash.digest("hex")}`;
  const { size } = statSync(tar);
  renameSync(tar, blobPath(folder, digest));
  const config = {
    created: "2026-01-01T00:00:00Z",
    architecture: "amd64",
    rootfs: { type: "layers" as const, diff_ids: [digest] },
  };
  const layers = [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size }];
  finishLayout(folder, config, { schemaVersion: 2, layers });
}
