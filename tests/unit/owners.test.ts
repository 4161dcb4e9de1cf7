import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../../lib/layers/entry.ts";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { readTree } from "../../lib/layers/read-tree.ts";
import { openImage } from "../../lib/oci/source.ts";
import { debianHints } from "../../lib/packages/dpkg.ts";
import { firstGuess } from "../../lib/ship/rechunk/change-rate.ts";
import { type Component, divide } from "../../lib/ship/rechunk/components.ts";
import { Place, writeImage } from "../support/images.ts";
import { entry, tarOf } from "../support/tars.ts";

const place = new Place();
afterAll(() => place.remove());
let count = 0;
const folder = () => place.path(`w${++count}`);
const file = (path: string, text = path): [Entry, string] => [entry(path), text];
const link = (path: string, target: string): [Entry] => [entry(path, { kind: "symlink", target })];

async function owners(items: [Entry, string?][]): Promise<{
  of(path: string): string | undefined;
  component(name: string): Component | undefined;
  packages: [name: string, version: string][];
}> {
  const pool = new LayerPool(1);
  const work = folder();
  const { tree, tars } = await readTree(
    await openImage(`oci:${writeImage(folder(), [tarOf(items)])}`, { work }),
    pool,
    work,
  );
  pool.close();
  const { components, leaves, packages } = await divide(tree, tars, { tags: false, epoch: 2_000_000_000, work });
  return {
    of: (path) => {
      for (let i = 0; i < leaves.count; i++)
        if (tree.path(leaves.name(i)) === path) return components[leaves.component(i)]?.name;
      return undefined;
    },
    component: (name) => components.find((c) => c.name === name),
    packages: [...packages],
  };
}

const status = (name: string, more: string) =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\n${more}\n`;

describe("dpkg", () => {
  const db = "usr/lib/sysimage/dpkg";
  const items: [Entry, string?][] = [
    file(
      `${db}/status`,
      [
        status("libc6", "Source: glibc (2.36-1)\nVersion: 2.36-1+deb12u9\n"),
        status("bash", "Version: 5.2-2\n"),
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
      ].join("\n"),
    ),
    file(`${db}/info/libc6:amd64.list`, "/.\n/lib\n/lib/libc.so.6\n"),
    file(`${db}/info/libc6:amd64.md5sums`, ""),
    file(`${db}/info/bash.list`, "/.\n/bin/bash\n/bin/sh\n/boot/vmlinuz-6.1\n"),
    file(`${db}/info/gone.list`, "/etc/gone\n"),
    file(`${db}/diversions`, "/bin/sh\n/bin/sh.distrib\ndash\n"),
    link("lib", "usr/lib"),
    link("bin", "usr/bin"),
    link("var/lib/dpkg", "/usr/lib/sysimage/dpkg"),
    file("usr/lib/libc.so.6"),
    file("usr/bin/bash"),
    file("usr/bin/sh.distrib"),
    file("usr/lib/modules/6.1/vmlinuz"),
    file("etc/gone"),
    file(
      "usr/lib/slipway/groups.json",
      JSON.stringify({ groups: [{ name: "shell", interval: "daily", packages: ["bash"], also: ["libc6"] }] }),
    ),
  ];

  test("files by source package, through the links of a merged /usr, diversions and moved kernels", async () => {
    const { of } = await owners(items);
    expect(of("usr/lib/libc.so.6")).toBe("dpkg/glibc");
    expect(of("usr/bin/bash")).toBe("dpkg/bash");
    expect(of("usr/bin/sh.distrib")).toBe("dpkg/bash");
    expect(of("usr/lib/modules/6.1/vmlinuz")).toBe("dpkg/bash");
    expect(of("etc/gone")).toBe("rest/etc");
  });

  test("a package's own records are its files; what speaks of all packages is not", async () => {
    const { of } = await owners(items);
    expect(of(`${db}/info/libc6:amd64.md5sums`)).toBe("dpkg/glibc");
    expect(of(`${db}/status`)).toBe("rest/usr/lib");
  });

  test("the packages with versions of their own, not those of their source; what is removed is none", async () => {
    const { packages } = await owners([
      file(
        `${db}/status`,
        [
          status("libc6", "Source: glibc (2.36-1)\nVersion: 2.36-1+b2\n"),
          status("libc6", "Version: 2.36-0\n"),
          status("bash", "Version: 5.2-2\n"),
          status("odd", "Version: 1`2\n"),
          status("none", ""),
          "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
        ].join("\n"),
      ),
    ]);
    expect(packages).toEqual([
      ["libc6", "2.36-0,2.36-1+b2"],
      ["bash", "5.2-2"],
    ]);
  });

  test("the words of the family's groups count for the first guess", async () => {
    const [groups] = [
      (await owners(items)).component("dpkg/glibc"),
      (await owners(items.slice(0, -1))).component("dpkg/glibc"),
    ];
    const without = (await owners(items.slice(0, -1))).component("dpkg/glibc");
    expect(groups?.guess).toBeGreaterThan(without?.guess ?? 1);
  });

  test("versions tell how often stable was updated", () => {
    expect(debianHints("2.36-9+deb12u13")).toEqual({ updates: 13 });
    expect(debianHints("128.14.0esr-1~deb12u1")).toEqual({ updates: 1, follows: true });
    expect(debianHints("5.2.15-2")).toEqual({ updates: 0 });
    expect(debianHints("1:1.2-3+deb13u2.1")).toEqual({ updates: 2 });
  });
});

test("pacman: by base package, with its build date; folders of its database belong to it", async () => {
  const db = "usr/lib/sysimage/lib/pacman/local";
  const desc = (name: string, base: string, date: number) =>
    `%NAME%\n${name}\n\n%VERSION%\n2:1-${date % 7}\n\n%BASE%\n${base}\n\n%BUILDDATE%\n${date}\n`;
  const { of, component, packages } = await owners([
    file(`${db}/mesa-git-1-1/desc`, desc("mesa-git", "mesa", 1_700_000_000)),
    file(
      `${db}/mesa-git-1-1/files`,
      "%FILES%\nusr/\nusr/lib/\nusr/lib/libGL.so\nusr/lib/mesa/\n\n%BACKUP%\nusr/lib/other\tabc\n",
    ),
    file(`${db}/old-1-1/desc`, desc("old", "old", 1_400_000_000)),
    file(`${db}/old-1-1/files`, "%FILES%\nusr/bin/old\n"),
    [entry("usr/lib/mesa", { kind: "dir", mode: 0o755 })],
    file("usr/lib/libGL.so"),
    file("usr/lib/other"),
    file("usr/bin/old"),
  ]);
  expect(packages).toEqual([
    ["mesa-git", `2:1-${1_700_000_000 % 7}`],
    ["old", `2:1-${1_400_000_000 % 7}`],
  ]);
  expect(of("usr/lib/libGL.so")).toBe("pacman/mesa");
  expect(of(`${db}/mesa-git-1-1/files`)).toBe("pacman/mesa");
  expect(of("usr/lib/mesa")).toBe("pacman/mesa");
  expect(of("usr/lib/other")).toBe("rest/usr/lib");
  expect(component("pacman/mesa")?.guess).toBeGreaterThan(component("pacman/old")?.guess ?? 1);
});

test("rpm: its sqlite database, headers read as they are stored", async () => {
  const strings = (...all: string[]) => Buffer.from(all.map((s) => `${s}\0`).join(""), "utf8");
  const ints = (...all: number[]) =>
    Buffer.concat(all.map((n) => Buffer.from([n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255])));
  const fields: [tag: number, type: number, count: number, data: Buffer][] = [
    [1000, 6, 1, strings("bash")],
    [1001, 6, 1, strings("5.2.26")],
    [1002, 6, 1, strings("3.fc40")],
    [1003, 4, 1, ints(1)],
    [1006, 4, 1, ints(1_700_000_000)],
    [1044, 6, 1, strings("bash-5.2.26-3.fc40.src.rpm")],
    [1116, 4, 2, ints(0, 1)],
    [1117, 8, 2, strings("bash", "bash.mo")],
    [1118, 8, 2, strings("/usr/bin/", "/usr/share/locale/")],
  ];
  const index: Buffer[] = [];
  let data = Buffer.alloc(0);
  for (const [tag, type, n, bytes] of fields) {
    if (type === 4) data = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
    index.push(ints(tag, type, data.length, n));
    data = Buffer.concat([data, bytes]);
  }
  const blob = Buffer.concat([ints(fields.length, data.length), ...index, data]);
  const path = join(folder(), "rpmdb.sqlite");
  const db = new Database(path);
  db.run("create table Packages (hnum integer primary key autoincrement, blob blob not null)");
  db.run("insert into Packages (blob) values (?)", [blob]);
  db.close();
  const { of, packages } = await owners([
    file("usr/lib/sysimage/rpm/rpmdb.sqlite", readFileSync(path).toString("latin1")),
    file("usr/bin/bash"),
    file("usr/share/locale/bash.mo"),
  ]);
  expect(packages).toEqual([["bash", "1:5.2.26-3.fc40"]]);
  expect(of("usr/bin/bash")).toBe("rpm/bash");
  expect(of("usr/share/locale/bash.mo")).toBe("rpm/bash");
});

test("a build's own list, big files by name without version, neighbours, hard links as one", async () => {
  const { of } = await owners([
    file(
      "usr/lib/slipway/components.json",
      JSON.stringify({ shell: { interval: "weekly", files: ["/usr/bin/shell", "/usr/lib/shell/a"] } }),
    ),
    file("usr/bin/shell"),
    file("usr/lib/shell/a"),
    file("usr/lib/shell/cache/generated"),
    file("usr/lib/modules/6.12.1-amd64/initramfs.img", "x".repeat(5 << 20)),
    [entry("usr/bin/alias", { kind: "link", target: "usr/bin/shell" })],
    file("usr/bin/unknown"),
  ]);
  expect(of("usr/bin/shell")).toBe("element/shell");
  expect(of("usr/bin/alias")).toBe("element/shell");
  expect(of("usr/lib/shell/cache/generated")).toBe("element/shell");
  expect(of("usr/lib/modules/6.12.1-amd64/initramfs.img")).toBe("file/usr/lib/modules/*/initramfs.img");
  expect(of("usr/bin/unknown")).toBe("rest/usr/bin");
});

test("first guesses: young before old, followed before left alone, between 0 and 1", () => {
  const now = 1_700_000_000;
  const guess = (hints: Parameters<typeof firstGuess>[1]) => firstGuess("dpkg/x", hints, now);
  expect(guess({ built: now })).toBeGreaterThan(guess({ built: now - 86_400 * 365 }));
  expect(guess({ follows: true, updates: 1 })).toBeGreaterThan(guess({ updates: 1 }));
  expect(guess({ updates: 9 })).toBeGreaterThan(guess({ updates: 0 }));
  expect(guess({ interval: 7 })).toBeGreaterThan(guess({ interval: 365 }));
  for (const hints of [{}, { interval: 1, built: now, updates: 99 }, { built: 0, interval: 36_500 }]) {
    expect(guess(hints)).toBeGreaterThan(0);
    expect(guess(hints)).toBeLessThan(1);
  }
});
