import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { differences } from "../../lib/layers/compare.ts";
import type { Entry } from "../../lib/layers/entry.ts";
import { LayerPool } from "../../lib/layers/layer-pool.ts";
import { usualPacking } from "../../lib/layers/layer-tar.ts";
import { blobPath, finishLayout, openLayout } from "../../lib/oci/layout.ts";
import { parseConfig } from "../../lib/oci/manifest.ts";
import { openImage } from "../../lib/oci/source.ts";
import { packagesAnnotation, packagesOf } from "../../lib/packages/record.ts";
import { delta } from "../../lib/ship/delta.ts";
import { decodeMemory, planAnnotation } from "../../lib/ship/rechunk/plan-annotation.ts";
import { prune } from "../../lib/ship/rechunk/prune.ts";
import { type RechunkOptions, rechunk } from "../../lib/ship/rechunk/rechunk.ts";
import { layersOf, wishOf } from "../../lib/ship/rechunk/target.ts";
import { parseSize } from "../../lib/system/size.ts";
import { Place, packings, treeOf, writeImage } from "../support/images.ts";
import { family, project, removeProjects, target } from "../support/small-family.ts";
import { entry, tarOf } from "../support/tars.ts";

const place = new Place();
afterAll(() => {
  place.remove();
  removeProjects();
});

let count = 0;
const folder = (name = "w") => place.path(`${name}-${++count}`);

const dir = (path: string, more: Partial<Entry> = {}): [Entry] => [entry(path, { kind: "dir", mode: 0o755, ...more })];
const file = (path: string, text: string, more: Partial<Entry> = {}): [Entry, string] => [entry(path, more), text];

const status = (packages: [name: string, source: string, version: string][]) =>
  packages.map(([n, s, v]) => `Package: ${n}\nStatus: install ok installed\nSource: ${s}\nVersion: ${v}\n`).join("\n");

/** A small Debian-like system: two layers, with everything in it that a file system can hold. */
function system(versions: Record<string, string> = {}, more: [Entry, string?][] = []): Buffer[] {
  const v = (name: string) => versions[name] ?? "1.0";
  const base: [Entry, string?][] = [
    [entry("lib", { kind: "symlink", target: "usr/lib", mode: 0o777 })],
    ...["usr", "usr/bin", "usr/lib", "var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info"].map((p) => dir(p)),
    file(
      "var/lib/dpkg/status",
      status([
        ["bash", "bash", v("bash")],
        ["libc6", "glibc", v("glibc")],
        ["libc-bin", "glibc", v("glibc")],
      ]),
    ),
    file("var/lib/dpkg/info/bash.list", "/.\n/usr\n/usr/bin\n/usr/bin/bash\n/usr/bin/sh\n"),
    file("var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib/libc.so.6\n/usr/lib/empty\n"),
    file("var/lib/dpkg/info/libc-bin.list", "/.\n/usr/bin/ldd\n"),
    file("usr/bin/bash", `bash ${v("bash")} `.repeat(50_000), { mode: 0o755 }),
    [entry("usr/bin/sh", { kind: "link", target: "usr/bin/bash" })],
    file("usr/lib/libc.so.6", `libc ${v("glibc")} `.repeat(60_000)),
    file("usr/bin/ldd", `ldd ${v("glibc")}`),
    ...[dir("usr/lib/empty", { uid: 5 })],
    file("usr/bin/ping", "ping", {
      mode: 0o755,
      xattrs: { "security.capability": "\x01\0\0\x02\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0" },
    }),
    file("usr/lib/gone", "x"),
    file("var/cache/x", "cache"),
  ];
  const second: [Entry, string?][] = [
    file("usr/lib/.wh.gone", ""),
    file("usr/share/tagged", "tagged", { xattrs: { "user.component": "fonts" } }),
    file("usr/share/late", "late", { mtime: 2_000_000_000 }),
    file("usr/share/old", "old", { mtime: -5 }),
    [entry("usr/share/pipe", { kind: "fifo" })],
    [entry("usr/share/null", { kind: "char", major: 1, minor: 3 })],
    file(`usr/share/${"long/".repeat(60)}name`, "deep"),
    file("usr/share/\xff\xfe", "no text"),
    ...more,
  ];
  return [tarOf(base), tarOf(second)];
}

async function run(source: string, more: Partial<RechunkOptions> = {}, to = folder("out")) {
  const image = await openImage(`oci:${source}`, { work: folder() });
  const result = await rechunk(image, to, {
    layers: 16,
    prune: ["/var/cache/"],
    tags: false,
    previous: undefined,
    work: folder(),
    ...more,
  });
  return { ...result, to };
}
const memoryOf = (to: string) => decodeMemory(openLayout(to).manifest.annotations?.[planAnnotation]);
const epoch = Date.parse("2024-01-01T00:00:00Z") / 1000;

describe("a rechunked image", () => {
  for (const [name, pack] of Object.entries(packings))
    test(`is the same file system, from ${name} layers`, async () => {
      const source = writeImage(folder("in"), system(), pack);
      const { to } = await run(source);
      const before = await treeOf(`oci:${source}`, folder());
      prune(before, ["/var/cache/"]);
      expect(differences(before, await treeOf(`oci:${to}`, folder()), epoch)).toEqual([]);
    });

  test("has its files by source package, tags, and place", async () => {
    const { components } = await run(writeImage(folder("in"), system()));
    expect(components.map((c) => c.name)).toEqual([
      "dpkg/bash",
      "dpkg/glibc",
      "rest/",
      "rest/usr/bin",
      "rest/usr/share",
      "rest/var",
      "rest/var/lib",
      "tag/fonts",
    ]);
  });

  test("has the same bytes from any packing, on any day, with or without its own plan", async () => {
    const first = await run(writeImage(folder("in"), system()));
    const packed = await run(writeImage(folder("in"), system(), packings.gzip));
    expect(packed.layers.map((l) => l.digest)).toEqual(first.layers.map((l) => l.digest));
    const later = await run(writeImage(folder("in"), system(), packings.zstd, "2025-06-06T00:00:00Z"), {
      previous: memoryOf(first.to),
    });
    expect(later.layers.map((l) => l.digest)).toEqual(first.layers.map((l) => l.digest));
    const again = await run(first.to, { previous: memoryOf(first.to) });
    expect(again.layers.map((l) => l.digest)).toEqual(first.layers.map((l) => l.digest));
    expect(again.layers.every((l) => l.kept)).toBe(true);
    expect(again.digest).toBe(first.digest);
  });

  test("folders carry one time, and files none that is later", async () => {
    const { to } = await run(writeImage(folder("in"), system()));
    const tree = await treeOf(`oci:${to}`, folder());
    const time = (name: number) => tree.nodes.mtime(tree.node(name));
    expect(time(tree.find("usr/share/late"))).toBe(epoch);
    expect(time(tree.find("usr/share/old"))).toBe(-5);
    for (const name of tree.walk()) if (tree.isFolder(name) && name !== tree.root) expect(time(name)).toBe(epoch);
  });

  test("keeps the configuration, and says what is in its layers", async () => {
    const { to } = await run(writeImage(folder("in"), system()));
    const { config, manifest } = openLayout(to);
    expect(config).toMatchObject({ created: "2024-01-01T00:00:00Z", architecture: "amd64", config: {} });
    expect(config.history?.length).toBe(manifest.layers.length);
    expect(manifest.layers.map((l) => l.annotations?.["org.slipway.components"]).join(" ")).toContain("dpkg/glibc");
  });

  test("is dated as its label says, which is newer than the commit's date where packages were refreshed", async () => {
    const date = async (label: string) => {
      const labels = { config: { Labels: { "org.opencontainers.image.created": label } } };
      const source = writeImage(folder("in"), system(), packings.plain, "2024-01-01T00:00:00Z", labels);
      return openLayout((await run(source)).to).config.created;
    };
    expect(await date("2024-03-05T03:30:00Z")).toBe("2024-03-05T03:30:00Z");
    expect(await date("yesterday")).toBe("2024-01-01T00:00:00Z");
  });

  test("keeps odd and huge words of its maker as they were", async () => {
    const odd = {
      huge: "x".repeat(1 << 20),
      "a=b": "c=d $HOME ${X} `id` \"q\" 'q' \\n",
      lines: "one\ntwo\r\n\tthree",
      control: "\u0000\u0001\u001b[31m\u007f\u0085",
      unicode: "ü 日本 \u202e \ufffd 😀",
      "": "no name",
      "name\nof two lines": "",
      ["__proto__"]: "a name like any other",
      constructor: "too",
      "10": "ten",
      "9": "nine",
    };
    const source = writeImage(folder("in"), system());
    const { config, manifest } = openLayout(source);
    const empty = Array.from({ length: 3000 }, (_, i) => ({ created_by: `ENV A=${i}`, empty_layer: true }));
    const own = {
      Labels: odd,
      Env: ["A=b\nc", "D=$E"],
      Cmd: ["sh", "-c", "echo 'x'"],
      ArgsEscaped: true,
      Other: { x: [1, null] },
    };
    const more = {
      ...config,
      config: own,
      history: [
        ...empty,
        { created_by: "slipway rechunk", comment: "an earlier one" },
        { created_by: "|2 AUR=https://me:token@host A=b /bin/sh -c make install" },
        { created_by: "|1 TOKEN=x make install" },
      ],
      "os.version": "1",
      variant: "v3",
    };
    finishLayout(source, more, { ...manifest, annotations: odd });
    const { to } = await run(source);
    const after = openLayout(to);
    const { rootfs, history, ...kept } = after.config as typeof more;
    const { rootfs: _rootfs, history: _history, ...given } = more;
    expect(JSON.stringify(kept)).toBe(JSON.stringify(given));
    const layers = rootfs.diff_ids.length;
    expect(history.slice(0, -layers)).toEqual([
      ...empty,
      // the values of build arguments are not published
      { created_by: "/bin/sh -c make install", empty_layer: true },
      { created_by: "a step with build arguments", empty_layer: true },
    ]);
    const made = history.slice(-layers).map(({ created_by }) => created_by);
    expect(made).toEqual(Array(layers).fill("slipway rechunk"));
    const { [planAnnotation]: plan, [packagesAnnotation]: _, ...annotations } = after.manifest.annotations ?? {};
    expect(plan).toBeString();
    expect(JSON.stringify(annotations)).toBe(JSON.stringify(odd));
  });

  test("a configuration that is not UTF-8 is refused with the reason", async () => {
    const source = writeImage(folder("in"), system());
    const { config, manifest } = openLayout(source);
    finishLayout(source, { ...config, config: { Labels: { a: "QQ" } } }, manifest);
    const written = openLayout(source).manifest.config;
    const bytes = Buffer.from(readFileSync(blobPath(source, written.digest)));
    bytes.fill(0xff, bytes.indexOf("QQ"), bytes.indexOf("QQ") + 2);
    expect(() => parseConfig(bytes, "the configuration")).toThrow(
      "the configuration is no JSON document: it has bytes that are not UTF-8",
    );
  });

  test("an updated package opens its layer only", async () => {
    const first = await run(writeImage(folder("in"), system()), { layers: 16 });
    const next = await run(writeImage(folder("in"), system({ bash: "2.0" })), { previous: memoryOf(first.to) });
    const had = new Set(first.layers.map((l) => l.digest));
    const fresh = next.layers.filter((l) => !had.has(l.digest)).flatMap((l) => l.components);
    expect(fresh).toContain("dpkg/bash");
    expect(fresh).not.toContain("dpkg/glibc");
  });

  test("with tags, the attribute wins over the package", async () => {
    const tagged = [file("usr/bin/ldd", "ldd", { xattrs: { "user.component": "mine" } })];
    const names = async (tags: boolean) =>
      (await run(writeImage(folder("in"), system({}, tagged)), { tags })).components.map((c) => c.name);
    expect(await names(true)).toContain("tag/mine");
    expect(await names(false)).not.toContain("tag/mine");
  });
});

describe("what broke others' tools", () => {
  const layersWith = (result: Awaited<ReturnType<typeof run>>, component: string) =>
    result.layers.filter((layer) => layer.components.includes(component));

  test("one file by three names comes once: github.com/coreos/chunkah/issues/146", async () => {
    const names = ["usr/share/rpm/db", "usr/lib/sysimage/base-db/db", "usr/lib/sysimage/rpm/db"];
    const [first = "", ...others] = names;
    const folders = [
      "usr/share",
      "usr/share/rpm",
      "usr/lib/sysimage",
      "usr/lib/sysimage/base-db",
      "usr/lib/sysimage/rpm",
    ];
    const linked = [
      ...folders.map((path) => dir(path)),
      file(first, "db".repeat(500_000)),
      ...others.map((path): [Entry] => [entry(path, { kind: "link", target: first })]),
    ];
    const source = writeImage(folder("in"), system({}, linked));
    const result = await run(source);
    const tree = await treeOf(`oci:${result.to}`, folder());
    expect(
      differences(await treeOf(`oci:${source}`, folder()), tree, epoch).filter(({ path }) => path.endsWith("db")),
    ).toEqual([]);
    const plain = await run(writeImage(folder("in"), system()));
    const size = (all: { size: number }[]) => all.reduce((sum, one) => sum + one.size, 0);
    expect(size(result.layers) - size(plain.layers)).toBeLessThan(1_500_000);
  });

  test("the same bytes with two tags are in two layers: github.com/coreos/rpm-ostree/issues/5458", async () => {
    const tagged = ["foo", "bar"].map((tag) => file(`usr/share/${tag}`, "same", { xattrs: { "user.component": tag } }));
    const result = await run(writeImage(folder("in"), system({}, tagged)), { tags: true });
    const names = result.components.map((c) => c.name);
    expect(names).toEqual(expect.arrayContaining(["tag/foo", "tag/bar"]));
  });

  test("a file gets a tag after the first plan: github.com/coreos/rpm-ostree/issues/5545", async () => {
    const blob = (xattrs: Record<string, string>) => [file("usr/share/blob", "blob", { xattrs })];
    const first = await run(writeImage(folder("in"), system({}, blob({}))), { tags: true });
    const next = await run(writeImage(folder("in"), system({}, blob({ "user.component": "blob" }))), {
      tags: true,
      previous: memoryOf(first.to),
    });
    expect(layersWith(next, "tag/blob")).toHaveLength(1);
    expect(layersWith(next, "dpkg/glibc")[0]?.digest).toBe(layersWith(first, "dpkg/glibc")[0]?.digest ?? "");
  });

  test("a plan of which no package is left: github.com/bootc-dev/bootc/issues/1885", async () => {
    const first = await run(writeImage(folder("in"), system()));
    const before = memoryOf(first.to);
    const source = writeImage(folder("in"), [
      tarOf([
        ...["usr", "usr/bin", "var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info"].map((path) => dir(path)),
        file("var/lib/dpkg/status", status([["zsh", "zsh", "1"]])),
        file("var/lib/dpkg/info/zsh.list", "/.\n/usr\n/usr/bin\n/usr/bin/zsh\n"),
        file("usr/bin/zsh", "zsh"),
      ]),
    ]);
    const next = await run(source, { previous: before });
    expect(layersWith(next, "dpkg/zsh")).toHaveLength(1);
    expect(
      differences(await treeOf(`oci:${source}`, folder()), await treeOf(`oci:${next.to}`, folder()), epoch),
    ).toEqual([]);
  });
});

describe("a broken image", () => {
  const blobs = (source: string) => openLayout(source).manifest.layers.map((l) => blobPath(source, l.digest));
  const message = (work: Promise<unknown>) =>
    work.then(
      () => "",
      (e: Error) => e.message,
    );

  test("a layer that is cut off, in the file", async () => {
    const source = writeImage(folder("in"), system());
    truncateSync(blobs(source)[1] ?? "", 1000);
    expect(await message(run(source))).toMatch(/^layer sha256:\w{64}: cut off at byte 1000 of \d+$/);
  });

  for (const [name, pack] of Object.entries(packings))
    test(`a changed byte in ${name}`, async () => {
      const source = writeImage(folder("in"), system(), pack);
      const [path = ""] = blobs(source);
      const bytes = readFileSync(path);
      const at = Math.floor(bytes.length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 0xff;
      writeFileSync(path, bytes);
      expect(await message(run(source))).toMatch(/layer 1 \(sha256:\w+…\): .* byte \d+/);
    });

  test("a tar that ends in the middle, under a digest that fits", async () => {
    const [first = Buffer.alloc(0)] = system();
    for (const pack of Object.values(packings))
      expect(await message(run(writeImage(folder("in"), [first.subarray(0, 9000)], pack)))).toMatch(
        /layer 1 .*cut off at byte 9000/,
      );
  });

  test("a hard link to nothing", async () => {
    const tar = tarOf([[entry("a", { kind: "link", target: "b" })]]);
    expect(await message(run(writeImage(folder("in"), [tar])))).toMatch(
      /layer 1 .*a: a hard link to b, which is not there at byte \d+/,
    );
  });

  test("what was there stays", async () => {
    const to = folder("out");
    const good = await run(writeImage(folder("in"), system()), {}, to);
    const bad = writeImage(folder("in"), system({ bash: "3" }));
    truncateSync(blobs(bad)[0] ?? "", 5000);
    await message(run(bad, {}, to));
    expect(openLayout(to).digest).toBe(good.digest);
  });

  test("no space left is said", async () => {
    if (!existsSync("/dev/full")) return;
    const pool = new LayerPool(1);
    const tar = join(folder(), "t");
    writeFileSync(tar, "x".repeat(100));
    const written = pool.write(
      "writing layer 1",
      () => [{ ...entry("a", { size: 100 }), tar: 0 }],
      [tar],
      "/dev/full",
      usualPacking,
    );
    expect(await message(written)).toBe("writing layer 1: no space left");
    pool.close();
  });
});

describe("delta", () => {
  const images = async (a: Buffer[], b: Buffer[]) => {
    const first = await run(writeImage(folder("in"), a));
    const second = await run(writeImage(folder("in"), b), { previous: memoryOf(first.to) });
    const open = (to: string) => openImage(`oci:${to}`, { work: folder() });
    return delta(await open(first.to), await open(second.to), { work: folder(), quick: false });
  };

  test("nothing between an image and itself", async () => {
    const d = await images(system(), system());
    expect(d).toMatchObject({ download: 0, requests: 0, changed: [], floor: 0, efficiency: 1 });
  });

  test("its packages are said by the images themselves, and no layer is read for it", async () => {
    const first = await run(writeImage(folder("in"), system()));
    const second = await run(writeImage(folder("in"), system({ bash: "2.0" })));
    const open = async (to: string) => {
      const image = await openImage(`oci:${to}`, { work: folder() });
      return { ...image, layer: () => Promise.reject(new Error("a layer was read")) };
    };
    const d = await delta(await open(first.to), await open(second.to), { work: folder(), quick: true });
    expect(d.packages).toEqual({
      known: true,
      updated: [{ name: "bash", from: "1.0", to: "2.0" }],
      added: [],
      removed: [],
    });
    expect(packagesOf(openLayout(second.to))?.get("bash")).toBe("2.0");
  });

  test("a changed content, its bytes, its floor", async () => {
    const d = await images(system(), system({ bash: "2.0" }));
    const bash = d.changed.find((l) => l.contents?.includes("dpkg/bash"));
    expect(bash?.files).toContain("usr/bin/bash");
    expect(bash?.reasons?.content).toBe("bash 2.0 ".length * 50_000);
    expect(d.requests).toBe(d.changed.length + 2);
    expect(d.floor).toBeGreaterThan(0);
    expect(d.floor).toBeLessThanOrEqual(d.download);
  });

  test("only a time, only an owner, only an attribute", async () => {
    const layers = (more: Partial<Entry>) => system({}, [file("usr/share/late", "late", { mtime: 1000, ...more })]);
    const reasons = async (more: Partial<Entry>) =>
      (await images(layers({}), layers(more))).changed.flatMap((l) =>
        Object.entries(l.reasons ?? {}).filter(([k, n]) => n > 0 && ["content", "owner", "times"].includes(k)),
      );
    expect(await reasons({ mtime: 2000 })).toEqual([["times", 4]]);
    expect(await reasons({ uid: 7 })).toEqual([["owner", 4]]);
    expect(await reasons({ xattrs: { "user.x": "1" } })).toEqual([["owner", 4]]);
  });

  test("sizes", () => {
    expect([parseSize("400MB"), parseSize("1.5GiB"), parseSize("12"), parseSize("3k")]).toEqual([
      400_000_000, 1_610_612_736, 12, 3000,
    ]);
    expect(() => parseSize("much")).toThrow("no size");
  });
});

test("what other flavors are built on leaves them layers: podman 4 mounts 128", () => {
  const toys = family(project());
  const layers = (flavor: string, layers: number) =>
    layersOf(target(toys, "best", flavor), wishOf(toys, { layers, tags: false, previous: undefined }));
  expect([layers("one", 128), layers("one", 20), layers("two", 128)]).toEqual([64, 20, 128]);
});
