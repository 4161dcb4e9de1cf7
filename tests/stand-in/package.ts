/** A package as pacman reads it (.pkg.tar.zst), and its record in a repository's database. */
import { type Entry, tar } from "./tar.ts";

export type File = string | { mode: number; text: string } | { link: string };

/** What a stub package is. Paths have no leading slash. */
export type Stub = {
  name: string;
  version?: string;
  depends?: readonly string[];
  provides?: readonly string[];
  conflicts?: readonly string[];
  groups?: readonly string[];
  files?: Readonly<Record<string, File>>;
  /** Its install scriptlet. */
  install?: string;
};

export type Package = { name: string; fileName: string; bytes: Uint8Array; record: string };

const encoder = new TextEncoder();

function folders(paths: readonly string[]): string[] {
  const found = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) found.add(parts.slice(0, depth).join("/"));
  }
  return [...found];
}

function entry(path: string, file: File): Entry {
  if (typeof file === "string") return { path, mode: 0o644, content: encoder.encode(file) };
  if ("link" in file) return { path, link: file.link };
  return { path, mode: file.mode, content: encoder.encode(file.text) };
}

export function makePackage(stub: Stub): Package {
  const version = stub.version ?? "1.0-1";
  const files = stub.files ?? {};
  const paths = Object.keys(files);
  const lists = { depend: stub.depends, provides: stub.provides, conflict: stub.conflicts, group: stub.groups };
  const info = [
    `pkgname = ${stub.name}`,
    `pkgbase = ${stub.name}`,
    "xdata = pkgtype=pkg",
    `pkgver = ${version}`,
    `pkgdesc = stand-in for ${stub.name}`,
    "url = http://localhost/",
    "builddate = 1700000000",
    "packager = stand-in <stand-in@localhost>",
    "size = 1024",
    "arch = any",
    "license = MIT",
    ...Object.entries(lists).flatMap(([key, values]) => (values ?? []).map((value) => `${key} = ${value}`)),
    "",
  ].join("\n");
  const archive = tar([
    { path: ".PKGINFO", mode: 0o644, content: encoder.encode(info) },
    ...(stub.install === undefined
      ? []
      : [{ path: ".INSTALL", mode: 0o644, content: encoder.encode(stub.install) } satisfies Entry]),
    ...folders(paths).map((path) => ({ path, mode: 0o755, folder: true }) satisfies Entry),
    ...paths.map((path) => entry(path, files[path] ?? "")),
  ]);
  const bytes = Bun.zstdCompressSync(archive, { level: 1 });
  const fileName = `${stub.name}-${version}-any.pkg.tar.zst`;
  const sections: Record<string, readonly string[]> = {
    FILENAME: [fileName],
    NAME: [stub.name],
    BASE: [stub.name],
    VERSION: [version],
    DESC: [`stand-in for ${stub.name}`],
    GROUPS: stub.groups ?? [],
    CSIZE: [`${bytes.length}`],
    ISIZE: ["1024"],
    SHA256SUM: [new Bun.CryptoHasher("sha256").update(bytes).digest("hex")],
    ARCH: ["any"],
    BUILDDATE: ["1700000000"],
    CONFLICTS: stub.conflicts ?? [],
    PROVIDES: stub.provides ?? [],
    DEPENDS: stub.depends ?? [],
  };
  const record = Object.entries(sections)
    .filter(([, values]) => values.length > 0)
    .map(([key, values]) => `%${key}%\n${values.join("\n")}\n`)
    .join("\n");
  return { name: `${stub.name}-${version}`, fileName, bytes, record: `${record}\n` };
}

/** The database that pacman downloads from a repository. */
export function database(packages: readonly Package[]): Uint8Array {
  return tar(
    packages.flatMap((made) => [
      { path: made.name, mode: 0o755, folder: true } satisfies Entry,
      { path: `${made.name}/desc`, mode: 0o644, content: encoder.encode(made.record) } satisfies Entry,
    ]),
  );
}
