import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBody, readNamed } from "../../lib/host/named-file.ts";
import { whose } from "../../lib/host/whose.ts";

let folder: string;
const at = (path: string) => join(folder, path);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-whose-"));
  mkdirSync(at("prefix/bin"), { recursive: true });
  writeFileSync(at("prefix/bin/brew"), "");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("who decides what a path names", () => {
  const rows: [string, () => void, number][] = [
    ["all root's", () => undefined, 0],
    ["the program is somebody's", () => chownSync(at("prefix/bin/brew"), 7, 7), 7],
    ["its folder is somebody's", () => chownSync(at("prefix/bin"), 7, 7), 7],
    [
      "the first of two on the way",
      () => {
        chownSync(at("prefix"), 8, 8);
        chownSync(at("prefix/bin/brew"), 7, 7);
      },
      8,
    ],
    [
      "somebody's link to a program of root's",
      () => {
        rmSync(at("prefix/bin/brew"));
        symlinkSync("/bin/true", at("prefix/bin/brew"));
        lchownSync(at("prefix/bin/brew"), 7, 7);
      },
      7,
    ],
    [
      "root's link into what is somebody's",
      () => {
        mkdirSync(at("home"));
        writeFileSync(at("home/brew"), "");
        chownSync(at("home"), 7, 7);
        rmSync(at("prefix/bin/brew"));
        symlinkSync("../../home/brew", at("prefix/bin/brew"));
      },
      7,
    ],
    ["root's folder among those of everybody, with the sticky bit", () => chmodSync(at("prefix"), 0o1777), 0],
  ];
  test.each(rows)("%s", (_, make, owner) => {
    make();
    expect(whose(at("prefix/bin/brew"))).toBe(owner);
  });

  const open: [string, () => void][] = [
    ["a folder of everybody's", () => chmodSync(at("prefix"), 0o777)],
    [
      "a folder of a group's",
      () => {
        chownSync(at("prefix"), 0, 7);
        chmodSync(at("prefix"), 0o775);
      },
    ],
    ["a program that everybody may write", () => chmodSync(at("prefix/bin/brew"), 0o757)],
    [
      "links without end",
      () => {
        rmSync(at("prefix/bin/brew"));
        symlinkSync("brew", at("prefix/bin/brew"));
      },
    ],
  ];
  test.each(open)("%s: refused", (_, make) => {
    make();
    expect(() => whose(at("prefix/bin/brew"))).toThrow("somebody else could swap it");
  });
});

describe("a file that the caller named", () => {
  test("ordinary, or behind a link", () => {
    writeFileSync(at("list"), "one\n");
    symlinkSync("list", at("link"));
    expect([readNamed(at("list"), 4), readNamed(at("link"), 4)]).toEqual(["one\n", "one\n"]);
    expect(() => readNamed(at("list"), 3)).toThrow("more than 3 bytes");
  });

  test("a pipe, a device: neither waited for nor read", () => {
    Bun.spawnSync(["mkfifo", at("pipe")]);
    for (const path of [at("pipe"), "/dev/zero", folder]) expect(() => readNamed(path, 10)).toThrow("ordinary file");
  });

  test("an answer without end is left at the limit", async () => {
    let given = 0;
    const body = new ReadableStream({
      pull(to) {
        given += 1000;
        to.enqueue(new Uint8Array(1000));
      },
    });
    await expect(readBody(new Response(body), 10_000)).rejects.toThrow("more than 10000 bytes");
    expect(given).toBeLessThan(20_000);
    expect(await readBody(new Response("list"), 4)).toBe("list");
  });
});
