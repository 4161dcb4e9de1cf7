import { Database } from "bun:sqlite";
import { afterAll, afterEach, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../lib/layers/entry.ts";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { readTree } from "../../lib/layers/read-tree.ts";
import { openImage } from "../../lib/oci/source.ts";
import { divide } from "../../lib/ship/rechunk/components.ts";
import { plan } from "../../lib/ship/rechunk/plan.ts";
import { Failure } from "../../lib/system/errors.ts";
import { Place, writeImage } from "../support/images.ts";
import { entry, random, tarOf } from "../support/tars.ts";

// An image's package databases are read by the bytes; what they say may be wrong in any way, and then it is said or it is nobody's.

const place = new Place();
const pool = new LayerPool(1);
afterAll(() => {
  pool.close();
  place.remove();
});
afterEach(() => void delete process.env.SLIPWAY_IMAGE_LIMITS);

type Item = [Entry, string?];
const file = (path: string, text: string): Item => [entry(path), text];
const next = random(3);
const noise = Array.from({ length: 5000 }, () => String.fromCharCode(next(256))).join("");

const rpmPath = "usr/lib/sysimage/rpm/rpmdb.sqlite";
const define = "create table Packages (hnum integer primary key autoincrement, blob blob not null)";
let count = 0;
/** An rpm database made by these statements. */
function rpm(...statements: [sql: string, ...values: (Uint8Array | string)[]][]): string {
  const path = join(place.root, `db${++count}`);
  const db = new Database(path);
  for (const [sql, ...values] of statements) db.run(sql, values);
  db.close();
  const bytes = readFileSync(path).toString("latin1");
  rmSync(path);
  return bytes;
}
const int = (n: number) => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const header = (tags: [tag: number, type: number, at: number, count: number][], data = "", stated = tags.length) =>
  Buffer.concat([int(stated), int(data.length), ...tags.flat().map(int), Buffer.from(data, "latin1")]);
const insert = (blob: Uint8Array): [string, Uint8Array] => ["insert into Packages (blob) values (?)", blob];
const withHeader = (blob: Uint8Array) => rpm([define], insert(blob));

const rpms: [string, () => string, string][] = [
  ["noise", () => noise, "not a readable rpm database"],
  ["empty", () => "", "not a readable rpm database"],
  ["a head and nothing more", () => "SQLite format 3\0", "not a readable rpm database"],
  [
    "cut off",
    () => rpm([define], insert(header([[1000, 6, 0, 1]], `bash\0${"x".repeat(9000)}`))).slice(0, 5000),
    "not a readable rpm database",
  ],
  [
    "pages of noise",
    () => {
      const db = rpm([define], insert(header([[1000, 6, 0, 1]], `bash\0${"x".repeat(9000)}`)));
      return db.slice(0, 4096) + noise + db.slice(9096);
    },
    "not a readable rpm database",
  ],
  ["no table", () => rpm(["create table Other (a)"]), "table of packages is not rpm's"],
  [
    "a view that never ends",
    () =>
      rpm([
        "create view Packages as with recursive c(x) as (select 1 union all select x + 1 from c) select x as hnum, x as blob, x as rowid from c",
      ]),
    "table of packages is not rpm's",
  ],
  [
    "a column that is computed",
    () =>
      rpm(
        [
          "create table Packages (hnum integer primary key autoincrement, b blob, blob blob generated always as (zeroblob(1000000000)))",
        ],
        ["insert into Packages (b) values ('x')"],
      ),
    "table of packages is not rpm's",
  ],
  [
    "rows of text",
    () => rpm(["create table Packages (hnum text, blob text)"], ["insert into Packages values ('a', 'b')"]),
    "table of packages is not rpm's",
  ],
  ["a row of no bytes", () => withHeader(Buffer.alloc(0)), "a package's header"],
  [
    "a text in place of a header",
    () => rpm([define], ["insert into Packages (blob) values ('abc')"]),
    "not a readable rpm database",
  ],
  ["a header of 2³² tags", () => withHeader(header([], "", 0xffffffff)), "a package's header"],
  ["a header of 65,535 tags that are not there", () => withHeader(header([], "", 0xffff)), "a package's header"],
  ["a text that begins outside", () => withHeader(header([[1000, 6, 0x7fffffff, 1]], "a\0")), "a package's header"],
  ["a text without an end", () => withHeader(header([[1000, 6, 0, 1]], "abc")), "a package's header"],
  ["2³² texts", () => withHeader(header([[1117, 8, 0, 0xffffffff]], "a\0b\0")), "a package's header"],
  ["2³² numbers", () => withHeader(header([[1116, 4, 0, 0xffffffff]], "abcd")), "a package's header"],
  [
    "2³² values of no kind",
    () =>
      withHeader(
        header(
          [
            [1000, 6, 0, 1],
            [1117, 99, 0, 0xffffffff],
          ],
          "bash\0",
        ),
      ),
    "",
  ],
  [
    "the same tag a thousand times",
    () =>
      withHeader(
        header(
          Array.from({ length: 1000 }, (): [number, number, number, number] => [1117, 8, 0, 1]),
          "a\0",
        ),
      ),
    "a package's header",
  ],
  [
    "folders that are not there",
    () =>
      withHeader(
        header(
          [
            [1000, 6, 0, 1],
            [1117, 8, 0, 1],
            [1116, 4, 8, 1],
          ],
          "bash\0\0\0\0\xff\xff\xff\xff",
        ),
      ),
    "",
  ],
];

const dpkg = (status: string, list = "/usr/x\n"): Item[] => [
  file("var/lib/dpkg/status", status),
  file("var/lib/dpkg/info/a.list", list),
];
const installed = "Package: a\nStatus: install ok installed\nVersion: 1\n";
const pacman = (desc: string, files = "%FILES%\nusr/x\n"): Item[] => [
  file("var/lib/pacman/local/a-1/desc", desc),
  file("var/lib/pacman/local/a-1/files", files),
];
const groups = (value: unknown): Item[] => [
  file("usr/lib/slipway/groups.json", JSON.stringify(value)),
  ...dpkg(installed),
];
const map = (value: unknown): Item[] => [
  file("usr/lib/slipway/components.json", typeof value === "string" ? value : JSON.stringify(value)),
];
const group = { name: "g", interval: "daily", packages: ["a"] };

const others: [string, Item[], string, string?][] = [
  ["dpkg: noise", dpkg(noise, noise), ""],
  ["dpkg: blanks and line ends only", dpkg("\n".repeat(200_000), "\n \n".repeat(100_000)), ""],
  ["dpkg: one field of a megabyte", dpkg(`${installed}Description: ${"x ".repeat(500_000)}\n`), ""],
  [
    "dpkg: a version of 100,000 digits",
    dpkg(`Package: a\nStatus: install ok installed\nVersion: 1+deb${"1".repeat(100_000)}u${"2".repeat(400)}\n`),
    "",
  ],
  ["dpkg: a package called __proto__", dpkg("Package: __proto__\nStatus: install ok installed\n"), ""],
  [
    "dpkg: paths that lead out, NUL, 100,000 levels",
    dpkg(installed, `/../../../etc/passwd\n/\0\n${"/a".repeat(100_000)}\n//\n`),
    "",
  ],
  ["dpkg: a list too long", dpkg(installed, "/usr/x\n".repeat(10_000)), "70000 bytes; Slipway reads", "0.001"],
  [
    "dpkg: a list too long for all",
    [
      ...dpkg(installed),
      ...Array.from({ length: 50 }, (_, i) =>
        file(`var/lib/dpkg/info/a:b${i}.list`, `/${"x".repeat(4000)}\n`.repeat(7)),
      ),
    ],
    "have more than",
    "0.001",
  ],
  [
    "dpkg: links without an end",
    [
      ...dpkg(installed, "/b0/x\n".repeat(5000)),
      ...Array.from(
        { length: 39 },
        (_, i): Item => [entry(`b${i}`, { kind: "symlink", target: `${"./".repeat(100)}b${i + 1}` })],
      ),
    ],
    "name more than an image can have",
    "0.001",
  ],
  ["dpkg: its status is a folder", [[entry("var/lib/dpkg/status", { kind: "dir", mode: 0o755 })]], ""],
  ["dpkg: its status is a loop", [[entry("var/lib/dpkg/status", { kind: "symlink", target: "status" })]], ""],
  ["dpkg: its info is a file", [file("var/lib/dpkg/status", installed), file("var/lib/dpkg/info", "x")], ""],
  ["pacman: noise", pacman(noise, noise), ""],
  ["pacman: no name", pacman("%NAME%\n\n%BASE%\nx\n"), ""],
  ["pacman: a date of 1e999", pacman("%NAME%\na\n\n%BUILDDATE%\n1e999\n"), ""],
  ["pacman: a date that is no number", pacman("%NAME%\na\n\n%BUILDDATE%\nyesterday\n"), ""],
  ["pacman: a megabyte of sections", pacman("%NAME%\n".repeat(150_000)), ""],
  ["pacman: desc is a folder", [[entry("var/lib/pacman/local/a-1/desc", { kind: "dir", mode: 0o755 })]], ""],
  ["pacman: a file in place of a package", [file("var/lib/pacman/local/ALPM_DB_VERSION", "9\n")], ""],
  ["groups: no list", groups({ groups: { length: 1 } }), ""],
  ["groups: packages that are no list", groups({ groups: [{ ...group, packages: 5 }] }), ""],
  ["groups: packages that are no names", groups({ groups: [{ ...group, packages: [{}, null, 5, ["a"]] }] }), ""],
  ["groups: also is no list", groups({ groups: [{ ...group, also: 5 }] }), ""],
  ["groups: an interval called constructor", groups({ groups: [{ ...group, interval: "constructor" }] }), ""],
  ["groups: an interval that is a list", groups({ groups: [{ ...group, interval: ["daily"] }] }), ""],
  ["groups: null", groups(null), ""],
  ["groups: a group that is null", groups({ groups: [null, "x", 5] }), ""],
  ["map: files that are no names", map({ a: { files: [5, null, {}, [[["x"]]]] } }), ""],
  ["map: an interval called __proto__", map('{"__proto__": {"files": ["/usr/x"], "interval": "__proto__"}}'), ""],
  ["map: 100,000 levels", map(`{"a": {"files": [${"[".repeat(100_000)}${"]".repeat(100_000)}]}}`), ""],
  ["map: a list", map([1, 2, 3]), ""],
];

const cases: [string, () => Item[], string, (string | undefined)?][] = [
  ...rpms.map(([name, make, said]): [string, () => Item[], string] => [
    `rpm: ${name}`,
    () => [file(rpmPath, make())],
    said,
  ]),
  ...others.map(([name, items, said, limits]): [string, () => Item[], string, (string | undefined)?] => [
    name,
    () => items,
    said,
    limits,
  ]),
];

test.each(cases.map(([name, make, said, limits], i) => [name, i, make, said, limits] as const))(
  "%s",
  async (_, i, make, said, limits) => {
    const folder = place.path(`${i}`);
    const image = `oci:${writeImage(folder, [tarOf([...make(), file("usr/x", "x")])])}`;
    const work = join(folder, "work");
    const { tree, tars } = await readTree(await openImage(image, { work }), pool, work);
    if (limits) process.env.SLIPWAY_IMAGE_LIMITS = limits;
    const divided = divide(tree, tars, { tags: false, epoch: 1, work });
    if (said) {
      const error = await divided.catch((thrown: unknown) => thrown);
      if (!(error instanceof Failure)) throw error ?? new Error("it was read");
      expect(error.message).toContain(said);
      if (!said.startsWith("name more")) expect(error.message).toMatch(/\(layer 1, byte \d+\)|have more/);
      expect(error.message).not.toContain("\n");
      return;
    }
    const { components } = await divided;
    // Every guess can be reckoned with, whatever it was made of.
    for (const { guess } of components) expect(guess > 0 && guess < 1).toBe(true);
    const { layers } = plan(components, 10, 1);
    expect(layers.flatMap((layer) => layer.components).sort()).toEqual(components.map(({ name }) => name).sort());
  },
);
