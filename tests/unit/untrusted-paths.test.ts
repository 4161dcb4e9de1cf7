import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../support/sandbox.ts";

// The lint of docs/untrusted-paths.md: code that runs as root near other people's files takes no path. Each call by path that is left has
// a row here with the reason why nobody but root can swap what it names.

const rooms = [
  "lib/host/migrate/**/*.ts",
  "lib/host/update/*.ts",
  "lib/host/flatpaks/*.ts",
  "lib/host/{below,errno,guard,libc,named-file,root,whose}.ts",
];

/** They take a descriptor. */
const byDescriptor = new Set(
  "closeSync constants fchmodSync fchownSync fdatasyncSync fstatSync fsyncSync ftruncateSync readSync writeSync".split(
    " ",
  ),
);

/** Our own that take a path. */
const ours = new Set(["look", "names", "removeTree", "copyTree"]);

const etc = "files of /etc and of the state in /var/lib, whose folders are root's";
const rows: Record<string, [calls: string, why: string]> = {
  "lib/host/below.ts": [
    "chmodSync chownSync mkdirSync openSync readdirSync renameSync rmdirSync unlinkSync writeFileSync",
    "only with /proc/self/fd/N and one name; writeFileSync on a descriptor",
  ],
  "lib/host/flatpaks/choose.ts": ["readFileSync writeFileSync", "in a work folder of this process, mode 0700"],
  "lib/host/flatpaks/sources.ts": ["existsSync readFileSync", "the list in the image"],
  "lib/host/guard.ts": ["existsSync readFileSync", etc],
  "lib/host/migrate/changes.ts": [
    "chmodSync chownSync copyTree existsSync look lstatSync mkdirSync names openSync readFileSync readlinkSync removeTree renameSync statSync writeFileSync",
    `${etc}; homes change their names in a folder that is root's`,
  ],
  "lib/host/migrate/files/copy.ts": [
    "Held.ofRoot linkSync symlinkSync",
    "copyTree is for /etc; links are made by one name in a folder that is held",
  ],
  "lib/host/migrate/files/paths.ts": ["Held.ofRoot lstatSync readdirSync", "what is called with paths has a row here"],
  "lib/host/migrate/journal.ts": [
    "appendFileSync existsSync mkdirSync openSync readFileSync readdirSync removeTree renameSync truncateSync writeFileSync",
    "the journal's own folder, mode 0700",
  ],
  "lib/host/migrate/look/items.ts": ["readFileSync readdirSync", "/proc"],
  "lib/host/migrate/look/machine-look.ts": [
    "accessSync existsSync lstatSync readFileSync readlinkSync statSync",
    `${etc}; whether /home is root's`,
  ],
  "lib/host/migrate/look/source.ts": ["existsSync globSync readFileSync", etc],
  "lib/host/migrate/look/user-look.ts": ["Held.ofRoot look", "the folder of the homes, and names right in it"],
  "lib/host/migrate/machine.ts": ["existsSync look openSync readFileSync statfsSync", etc],
  "lib/host/migrate/main.ts": ["existsSync lstatSync openSync", "/etc itself"],
  "lib/host/migrate/report.ts": ["writeFileSync", "the journal's own folder, mode 0700"],
  "lib/host/migrate/rollback.ts": [
    "copyTree existsSync look readdirSync removeTree renameSync rmdirSync",
    `${etc}; homes change their names in a folder that is root's`,
  ],
  "lib/host/migrate/steps/account.ts": ["Held.ofRoot", "the folder of the homes"],
  "lib/host/migrate/steps/afterwards.ts": ["existsSync readFileSync readdirSync", "/proc, /var"],
  "lib/host/migrate/steps/backup.ts": [
    "createReadStream createWriteStream existsSync mkdirSync renameSync rmSync statSync",
    "below root's home",
  ],
  "lib/host/migrate/steps/data.ts": ["Held.ofRoot existsSync mkdirSync", "the folder of the homes, /etc/skel"],
  "lib/host/migrate/steps/login.ts": ["copyTree existsSync lstatSync readFileSync readdirSync", etc],
  "lib/host/migrate/steps/place.ts": [
    "Held.ofRoot mkdirSync renameSync",
    "the folder of the homes; a rename by names in folders that are held; homed's own folder",
  ],
  "lib/host/named-file.ts": ["openSync", "a file that the caller named: held, then looked at, then read"],
  "lib/host/update/parts.ts": ["existsSync readdirSync", "names in /var/tmp; nothing is opened"],
  "lib/host/whose.ts": ["lstatSync readlinkSync", "each only below what was found to be root's"],
};

/** The calls by path that a text makes, by what it imports and names. */
function calls(text: string): string[] {
  const found = new Set<string>();
  const imports = /import (type )?\{([^}]*)\} from "([^"]+)"/g;
  for (const [, type, list = "", from = ""] of text.matchAll(imports)) {
    if (type) continue;
    const names = list.split(",").map((name) => name.trim().split(" as ")[0] ?? "");
    for (const name of names)
      if (name.startsWith("type ") || name === "") continue;
      else if (from.startsWith("node:fs") && !byDescriptor.has(name)) found.add(name);
      else if (/\/(paths|copy)\.ts$/.test(from) && ours.has(name)) found.add(name);
  }
  for (const [, name = ""] of text.matchAll(/\b(Held\.ofRoot|Bun\.(?:file|write|Glob))\(/g)) found.add(name);
  for (const [whole] of text.matchAll(
    /import (?:\*|(?!type )\w+)[^"\n]* from "(?:node:)?fs[^"]*"|(?:require|import)\("(?:node:)?fs[^"]*"\)/g,
  ))
    found.add(whole);
  return [...found].sort();
}

const files = rooms.flatMap((pattern) => globSync(pattern, { cwd: checkout })).sort();

test.each(files)("%s makes no call by path that has no reason", (file) => {
  const made = calls(readFileSync(join(checkout, file), "utf8"));
  expect(made).toEqual(rows[file]?.[0].split(" ") ?? []);
});

test("every row is of a file", () => {
  expect(Object.keys(rows).filter((file) => !files.includes(file))).toEqual([]);
});

test.each([
  ['import { readFileSync } from "node:fs";', ["readFileSync"]],
  ['import { type Stats, closeSync, openSync as o } from "node:fs";', ["openSync"]],
  ['import { readFile } from "node:fs/promises";', ["readFile"]],
  ['import type { Stats } from "node:fs";', []],
  ['import * as fs from "node:fs";', ['import * as fs from "node:fs"']],
  ['const fs = await import("node:fs");', ['import("node:fs")']],
  ['import { look, shown } from "../files/paths.ts";', ["look"]],
  ['Bun.write("x", "y"); Held.ofRoot(path);', ["Bun.write", "Held.ofRoot"]],
])("it sees %s", (text, found) => {
  expect(calls(text)).toEqual(found);
});

describe("scripts that root runs", () => {
  const scripts = [...globSync("overlays/*/usr/libexec/*/*", { cwd: checkout }), "lib/host/guard.sh"].sort();
  /** Folders in which others may make things. */
  const shared = /\/tmp\b|\/dev\/shm|\/home\b|\/run\/user|\$HOME|~\//;
  const allowed: Record<string, string> = {
    "overlays/base/usr/libexec/guaraos/flatpak-stale-caches": "takes away what is somebody's as that user",
  };

  test("there are some", () => expect(scripts.length).toBeGreaterThan(3));

  test.each(scripts)("%s works in root's own folders", (path) => {
    const lines = readFileSync(join(checkout, path), "utf8").split("\n");
    const found = lines.filter((line) => !line.trim().startsWith("#") && shared.test(line));
    expect(allowed[path] ? [] : found).toEqual([]);
  });
});
