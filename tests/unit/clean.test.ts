import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type ImageRecord, isOurs } from "../../lib/oci/ownership.ts";
import { freedBytes } from "../../lib/oci/reclaimable.ts";
import { tooMuch } from "../../lib/system/cache.ts";
import { owner } from "../../lib/system/owner.ts";
import { remnants, remove } from "../../lib/system/remnants.ts";
import { mountsBelow } from "../../lib/system/remove.ts";

const prefixes = ["ghcr.io/guara92/guaraos-", "localhost/slipway-toolbox:"];
const label = { "org.slipway.key": "abc" };
const copy = "/bin/sh -c #(nop) COPY dir:0642 in /usr/libexec/slipway/ ";
const group = "/bin/sh -c /usr/libexec/slipway/group fonts yearly -- noto-fonts";
const end = '/bin/sh -c #(nop) LABEL "org.slipway.key"="abc"';
const base = "/bin/sh -c #(nop) ADD file:9386 in / ";
const rechunk = "slipway rechunk";
const theirs = "/bin/sh -c make install";

test.each<[string, Partial<ImageRecord>, boolean]>([
  [
    "one of the family",
    { names: ["ghcr.io/guara92/guaraos-base:v3"], labels: label, history: [base, copy, end] },
    true,
  ],
  ["a toolbox", { names: ["localhost/slipway-toolbox:1"], labels: { "org.slipway.toolbox": "1" } }, true],
  ["our name without our label", { names: ["ghcr.io/guara92/guaraos-base:v3"], history: [base] }, false],
  ["our label under another name", { names: ["localhost/mine:latest"], labels: label, history: [base, end] }, false],
  [
    "an image of ours that got another name as well",
    { names: ["ghcr.io/guara92/guaraos-base:v3", "localhost/mine:1"], labels: label },
    false,
  ],
  ["an unnamed build of ours that is done", { labels: label, history: [base, copy, group, end] }, true],
  ["a rechunked build of ours", { labels: label, history: [base, end, rechunk, rechunk] }, true],
  ["somebody's image on a rechunked one", { labels: label, history: [base, end, rechunk, theirs] }, false],
  ["the start of one", { history: [base, copy, group] }, true],
  ["its stage of helpers", { history: [base, "/bin/sh -c #(nop) COPY dir:1 in /slipway/ "] }, true],
  ["a flavor begun on one of ours", { labels: label, history: [base, copy, end, copy, group] }, true],
  ["somebody's image on one of ours", { labels: label, history: [base, copy, group, end, theirs] }, false],
  ["somebody's image", { history: [base, theirs] }, false],
  [
    "a Debian root without its name",
    { labels: { "org.slipway.debian": "1" }, history: ["Debian's packages, by mmdebstrap"] },
    true,
  ],
  [
    "somebody's image on it",
    { labels: { "org.slipway.debian": "1" }, history: ["Debian's packages, by mmdebstrap", theirs] },
    false,
  ],
])("ours or not: %s", (_, image, ours) => {
  expect(isOurs({ id: "1", names: [], labels: {}, history: [], ...image }, prefixes)).toBe(ours);
});

// three images: base ← ours ← theirs, and another build of ours on the base
const layers = [
  { id: "l1", "diff-size": 100 },
  { id: "l2", parent: "l1", "diff-size": 20 },
  { id: "l3", parent: "l2", "diff-size": 3 },
  { id: "l4", parent: "l1", "diff-size": 7 },
];
const images = [
  { id: "base", layer: "l1" },
  { id: "ours", layer: "l2" },
  { id: "theirs", layer: "l3" },
  { id: "other", layer: "l4" },
  { id: "twin", layer: "l4" },
];

test.each([
  ["what nobody else is based on", ["other", "twin"], ["base", "ours", "theirs"], 7],
  ["each shared layer once", ["base", "ours", "theirs", "other"], [], 130],
  ["nothing where another image is based on it", ["ours"], ["base", "theirs"], 0],
  ["nothing of an image that is not there", ["gone"], ["base"], 0],
])("freed: %s", (_, removed, kept, expected) => {
  expect(freedBytes(images, layers, removed, kept)).toBe(expected);
});

let folder = "";
const put = (path: string, bytes: number) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), "x".repeat(bytes));
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-clean-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("logs and what dead commands left go; what a living one uses, caches and unknown files stay", () => {
  put("logs/build.log", 10);
  put("run/999999999-ab/tmp/file", 5);
  put(`run/${owner}/tmp/file`, 5);
  put("run/probe-999999999/guest.img", 6);
  put("cache/debian/root.tar", 100);
  put("keys/secret", 1);
  const found = remnants(folder, false);
  expect(found.map((f) => [f.path.slice(folder.length + 1), f.bytes]).sort()).toEqual([
    ["logs", 10],
    ["run/999999999-ab", 5],
    ["run/probe-999999999", 6],
  ]);
  remove(found);
  expect(existsSync(join(folder, "logs"))).toBe(false);
  expect(existsSync(join(folder, `run/${owner}/tmp/file`))).toBe(true);
  expect(remnants(folder, true).map((f) => f.path.slice(folder.length + 1))).toEqual(["cache"]);
});

test("a link that leads out of the folder is removed, not followed", () => {
  put("keep/me", 50);
  mkdirSync(join(folder, "logs"));
  symlinkSync(join(folder, "keep"), join(folder, "logs/link"));
  remove(remnants(folder, false));
  expect(existsSync(join(folder, "keep/me"))).toBe(true);
});

test("what is mounted in a folder is seen, with odd names, and a neighbour's mount is not", () => {
  const info = [
    "1 0 0:1 / / rw - ext4 /dev/vda rw",
    "2 1 0:5 / /srv/a/root/dev rw - devtmpfs udev rw",
    "3 1 0:6 / /srv/a/with\\040space rw - tmpfs tmpfs rw",
    "4 1 0:7 / /srv/ab rw - tmpfs tmpfs rw",
  ].join("\n");
  expect(mountsBelow("/srv/a", info)).toEqual(["/srv/a/root/dev", "/srv/a/with space"]);
  expect(mountsBelow("/srv/ab", info)).toEqual(["/srv/ab"]);
});

test("a cache that is too large loses what was not used for the longest time, and no more than it must", () => {
  const thing = (path: string, bytes: number, used: number) => ({ path, what: "", bytes, used });
  const things = [thing("new", 6, 30), thing("old", 5, 10), thing("middle", 4, 20)];
  expect(tooMuch(things, 15)).toEqual([]);
  expect(tooMuch(things, 14).map(({ path }) => path)).toEqual(["old"]);
  expect(tooMuch(things, 9).map(({ path }) => path)).toEqual(["old", "middle"]);
  expect(tooMuch([], 0)).toEqual([]);
});
