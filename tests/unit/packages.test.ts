import { describe, expect, test } from "bun:test";
import type { ImageConfig, Manifest } from "../../lib/oci/manifest.ts";
import { changeLines, countChanges, packageChanges } from "../../lib/packages/changes.ts";
import {
  type Packages,
  packagesAnnotation,
  packagesOf,
  recordLimits,
  withPackages,
} from "../../lib/packages/record.ts";
import { packText } from "../../lib/system/packed-text.ts";

// The record of an image's packages travels in its manifest; anybody who can write to the registry may choose it.

const layer = (n: number) => `sha256:${String(n).repeat(64)}`;
const configOf = (...layers: number[]): ImageConfig => ({ rootfs: { type: "layers", diff_ids: layers.map(layer) } });
const config = configOf(1, 2);
const packages: Packages = new Map([
  ["bash", "5.2-2"],
  ["apt", "1:2.6+deb12u1"],
]);
const imageOf = (annotation: unknown, of = config) => {
  const annotations = { [packagesAnnotation]: annotation } as Record<string, string>;
  const manifest: Manifest = {
    ...{ schemaVersion: 2, config: { digest: layer(0), size: 1, mediaType: "" }, layers: [], annotations },
  };
  return { manifest, config: of };
};
const recorded = withPackages({ kept: "yes" }, packages, config);
/** The first line of a good record. */
const head = Bun.zstdDecompressSync(Buffer.from(recorded[packagesAnnotation] ?? "", "base64"))
  .toString()
  .split("\n")[0];

describe("the record of an image's packages", () => {
  test("is read as it was written, and other annotations stay", () => {
    expect(recorded.kept).toBe("yes");
    const read = packagesOf(imageOf(recorded[packagesAnnotation]));
    expect([...(read ?? [])]).toEqual([...packages].reverse());
  });

  test("is the same whatever the order of the packages", () => {
    expect(withPackages({}, new Map([...packages].reverse()), config)).toEqual(withPackages({}, packages, config));
  });

  test("is small: 2,000 packages have less than 40,000 characters", () => {
    const many = new Map(
      Array.from({ length: 2000 }, (_, i) => [`lib-${Bun.hash(String(i))}`.slice(0, 16), `${i % 9}.${i}-1`]),
    );
    expect(withPackages({}, many, config)[packagesAnnotation]?.length).toBeLessThan(40_000);
  });

  test("of a base is not that of what is built on it", () => {
    expect(packagesOf(imageOf(recorded[packagesAnnotation], configOf(1, 2, 3)))).toBeUndefined();
    expect(withPackages(recorded, new Map(), configOf(1, 2, 3))).toEqual({ kept: "yes" });
  });

  test("is left out where a reader would not take it", () => {
    const many = new Map(Array.from({ length: recordLimits.packages + 1 }, (_, i) => [`p${i}`, "1"]));
    expect(withPackages({}, many, config)).toEqual({});
  });

  const bomb = () => {
    const frame = Buffer.from(Bun.zstdCompressSync(Buffer.alloc(1 << 20)));
    return Buffer.concat(Array<Buffer>(2000).fill(frame)).toString("base64");
  };
  test.each<[string, () => string, RegExp]>([
    ["2 GB in 100 kB", bomb, /unpacks to more than 8388608 bytes/],
    ["more characters than any record", () => "A".repeat(recordLimits.packed + 4), /more than 524288 characters/],
    ["a frame that ends early", () => recorded[packagesAnnotation]?.slice(0, 24) ?? "", /cannot be unpacked/],
    ["another version", () => packText("2 x\na 1"), /not of version 1/],
    ["nothing", () => "", /cannot be unpacked|not of version/],
    ["a name alone", () => packText(`${head}\na`), /line 2 is not a package/],
    ["three words", () => packText(`${head}\na 1 2`), /line 2 is not a package/],
    ["a line of nothing", () => packText(`${head}\n\na 1`), /line 2 is not a package/],
    ["an escape", () => packText(`${head}\na 1\n\u001b[2J 1`), /line 3 is not a package/],
    ["the end of a code block", () => packText(`${head}\n\`\`\` 1`), /line 2 is not a package/],
    ["letters that turn the line round", () => packText(`${head}\na \u202e1`), /line 2 is not a package/],
    ["a version without end", () => packText(`${head}\na ${"1".repeat(201)}`), /line 2 is not a package/],
    ["a package twice", () => packText(`${head}\na 1\na 2`), /line 3 names a package for the second time/],
    ["too many", () => packText(`${head}${"\na 1".repeat(40_000)}`), /more than 32768 packages/],
  ])("that is not good: %s", (_, annotation, why) => {
    const reasons: string[] = [];
    expect(packagesOf(imageOf(annotation()), (reason) => reasons.push(reason))).toBeUndefined();
    expect(reasons).toEqual([expect.stringMatching(why)]);
  });
});

describe("packages of two versions", () => {
  const before = new Map([...packages, ["old", "1"], ["same", "3"]]);
  const after = new Map([
    ["bash", "5.2-3"],
    ["same", "3"],
    ["apt", "1:2.6"],
    ["new", "0.1"],
  ]);

  test("are updated, added, removed, by name; an older version is an update too", () => {
    const changes = packageChanges(before, after);
    expect(changes).toEqual({
      known: true,
      updated: [
        { name: "apt", from: "1:2.6+deb12u1", to: "1:2.6" },
        { name: "bash", from: "5.2-2", to: "5.2-3" },
      ],
      added: [{ name: "new", version: "0.1" }],
      removed: [{ name: "old", version: "1" }],
    });
    if (!changes.known) throw new Error();
    expect(countChanges(changes)).toBe("2 updated, 1 added, 1 removed");
    expect(changeLines(changes)).toEqual([
      ["updated", ["apt 1:2.6+deb12u1 → 1:2.6", "bash 5.2-2 → 5.2-3"]],
      ["added", ["new 0.1"]],
      ["removed", ["old 1"]],
    ]);
  });

  test("that are the same", () => {
    const changes = packageChanges(before, new Map([...before].reverse()));
    expect(changes).toEqual({ known: true, updated: [], added: [], removed: [] });
    expect(changes.known && [countChanges(changes), changeLines(changes)]).toEqual(["none changed", []]);
  });

  test("where one does not say what it has", () => {
    expect(packageChanges(undefined, after)).toEqual({ known: false, missing: "before" });
    expect(packageChanges(before, undefined)).toEqual({ known: false, missing: "after" });
    expect(packageChanges(undefined, undefined)).toEqual({ known: false, missing: "after" });
  });
});
