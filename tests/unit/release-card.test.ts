import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PackageChanges } from "../../lib/packages/changes.ts";
import type { Card } from "../../lib/ship/release/card.ts";
import { allPackagesWords, cardText } from "../../lib/ship/release/card-text.ts";
import { notesFile, notesText, writeNotes } from "../../lib/ship/release/notes.ts";
import { Place } from "../support/images.ts";
import { checkout, exec } from "../support/sandbox.ts";

// What a release shows of an image at its end, and writes down for people.

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const repository = "ghcr.io/guara92/guaraos-minimal";
const updates = (n: number): PackageChanges => ({
  known: true,
  updated: Array.from({ length: n }, (_, i) => ({ name: `lib${i}`, from: `1:1.${i}-1`, to: `1:1.${i}-1+deb13u2` })),
  added: [{ name: "new", version: "0.1" }],
  removed: [{ name: "old", version: "1" }],
});
const update = (packages: NonNullable<object> = updates(42)) =>
  ({ is: "update", previous: `sha256:${"f".repeat(64)}`, download: 4_200_000, kept: 60, packages }) as Card["since"];
const card = (since: Card["since"], more: Partial<Card> = {}): Card => ({
  reference: `${repository}:amd64`,
  image: `${repository}@${digest}`,
  tags: ["amd64", "latest", "amd64-20261128"],
  ...{ layers: 64, size: 312_000_000, since, packages: 480, key: "guaraos.pub" },
  verified: ["manifest", "content", "cosign", "policy", "unsigned", "current"],
  install: `sudo bootc switch --enforce-container-sigpolicy ${repository}:amd64`,
  ...more,
});
const text = (shown: Card, width = Number.POSITIVE_INFINITY, most = 3) =>
  cardText(shown, { width, most, title: (t) => t });

describe("a card", () => {
  test("at 80 columns", () => {
    expect(text(card(update()), 80)).toBe(`${repository}@${digest}
tags        amd64, latest, amd64-20261128
size        312 MB in 64 layers
download    4.2 MB from the last version; 60 of 64 layers are there already
packages    480: 42 updated, 1 added, 1 removed
updated     lib0 1:1.0-1 → 1:1.0-1+deb13u2
            lib1 1:1.1-1 → 1:1.1-1+deb13u2
            lib2 1:1.2-1 → 1:1.2-1+deb13u2
            and 39 more
added       new 0.1
removed     old 1
signed by   guaraos.pub
verified    as machines do: manifest, content, cosign, policy, unsigned, current
install     sudo bootc switch --enforce-container-sigpolicy
            ghcr.io/guara92/guaraos-minimal:amd64`);
  });

  test.each([60, 80, 120])("has no line longer than %d but the image itself", (width) => {
    const [first, ...lines] = text(card(update()), width).split("\n");
    expect(first).toBe(`${repository}@${digest}`);
    expect(lines.filter((line) => line.length > width)).toEqual([]);
  });

  test("names all packages in a pipe, and each command is one line there", () => {
    const whole = text(card(update()), undefined, Number.POSITIVE_INFINITY);
    expect(whole).toContain("lib41 1:1.41-1 → ");
    expect(whole).not.toContain("more");
    expect(whole).toContain(`install     ${card(update()).install}`);
  });

  test("has a command that names all packages when the release is over: run again, it would be the same image", () => {
    expect(allPackagesWords(card(update()))).toBe(
      `bun run delta docker://${repository}@sha256:${"f".repeat(64)} docker://${repository}@${digest} --quick --all`,
    );
    for (const since of [{ is: "same" }, { is: "first" }, update({ known: false, missing: "before" })] as const)
      expect(allPackagesWords(card(since))).toBeUndefined();
  });

  test("of the same image is one line", () => {
    expect(text(card({ is: "same" }), 60)).toBe(`${repository}@${digest}  the same as the last version`);
  });

  test.each<[string, Card, string[]]>([
    [
      "the last version does not say its packages",
      card(update({ known: false, missing: "before" })),
      ["packages    480; not known of the last version"],
    ],
    [
      "this version does not",
      card(update({ known: false, missing: "after" }), { packages: null }),
      ["packages    not known of this version"],
    ],
    [
      "there is no last version",
      card({ is: "first" }),
      ["download    all of it: this is the first version", "packages    480"],
    ],
    [
      "the last version is gone",
      card({ is: "gone", previous: digest }),
      ["download    not known: the registry no longer has the last version"],
    ],
  ])("where %s", (_, shown, lines) => {
    for (const line of lines) expect(text(shown).split("\n")).toContain(line);
  });
});

describe("notes", () => {
  const place = new Place();
  const cards = [card(update()), card({ is: "same" }, { reference: "ghcr.io/guara92/guaraos-cosmic:amd64" })];
  const { GITHUB_STEP_SUMMARY } = process.env;
  beforeAll(() => void delete process.env.GITHUB_STEP_SUMMARY);
  afterAll(() => {
    if (GITHUB_STEP_SUMMARY !== undefined) process.env.GITHUB_STEP_SUMMARY = GITHUB_STEP_SUMMARY;
    place.remove();
  });

  test("have a section an image, with all packages and the command", () => {
    const notes = notesText(cards);
    expect(notes.match(/^## .*$/gm)).toEqual([
      `## \`${repository}:amd64\``,
      "## `ghcr.io/guara92/guaraos-cosmic:amd64`",
    ]);
    expect(notes).toContain(`- Image: \`${repository}@${digest}\`\n`);
    expect(notes).toContain("- Download: 4.2 MB from the last version; 60 of 64 layers are there already\n");
    expect(notes).toContain("<summary>Packages updated: 42</summary>\n\n```text\nlib0 1:1.0-1 → ");
    expect(notes).toContain("lib41 1:1.41-1 → 1:1.41-1+deb13u2\n```\n");
    expect(notes).toContain("```sh\nsudo bootc switch --enforce-container-sigpolicy ghcr.io/");
    expect(notes).toContain(`The same as the last version: \`${repository}@${digest}\`\n`);
    expect(notesText(cards, 2)).toContain("\nand 40 more\n");
  });

  test("replace a file as a whole, also behind a link, and leave nothing beside it", () => {
    const folder = join(place.root, "notes");
    mkdirSync(folder);
    const [file, link] = [join(folder, "notes.md"), join(folder, "link.md")];
    writeFileSync(file, "older and much longer\n".repeat(1000));
    symlinkSync("notes.md", link);
    writeNotes(link, cards);
    expect(readFileSync(file, "utf8")).toBe(notesText(cards));
    expect(readdirSync(folder).sort()).toEqual(["link.md", "notes.md"]);
  });

  test("leave GitHub's page of the run as it is: release itself appends them", () => {
    const page = join(place.root, "summary.md");
    writeFileSync(page, "what another step wrote\n");
    process.env.GITHUB_STEP_SUMMARY = page;
    writeNotes(page, cards);
    delete process.env.GITHUB_STEP_SUMMARY;
    expect(readFileSync(page, "utf8")).toBe("what another step wrote\n");
  });

  test.each(["/dev/stdout", "/dev/fd/1"])("%s is stdout, whatever that is", async (path) => {
    const code = `import { writeNotes } from "./lib/ship/release/notes.ts";
      writeNotes(${JSON.stringify(path)}, ${JSON.stringify(cards)});`;
    const { stdout } = await exec([process.execPath, "-e", code], {}, checkout);
    expect(stdout).toBe(notesText(cards));
  });

  test("into a pipe that has a name", async () => {
    const pipe = join(place.root, "pipe");
    await exec(["mkfifo", pipe], {}, checkout);
    const reader = exec(["cat", pipe], {}, checkout);
    const code = `import { writeNotes } from "./lib/ship/release/notes.ts";
      writeNotes(${JSON.stringify(pipe)}, ${JSON.stringify(cards)});`;
    await exec([process.execPath, "-e", code], {}, checkout);
    expect((await reader).stdout).toBe(notesText(cards));
  });

  const usual = { ships: true, json: false };
  test.each<[string, string, typeof usual, string]>([
    ["nothing is published", "notes.md", { ships: false, json: false }, "--no-push publishes nothing"],
    ["stdout is JSON already", "/dev/stdout", { ships: true, json: true }, "stdout is one JSON document"],
    ["it is a folder", "/tmp", usual, "this is not a file"],
    ["it has no name", "", usual, "this is not a file"],
    ["its folder is not there", "/tmp/not-there/notes.md", usual, "it cannot be written: ENOENT"],
    ["it lies below a file", "/etc/passwd/notes.md", usual, "it cannot be written: ENOTDIR"],
  ])("are refused before anything is built, where %s", (_, path, run, why) => {
    expect(() => notesFile(path, run)).toThrow(why);
  });

  test("can be asked for, or not", () => {
    expect(notesFile(undefined, { ships: false, json: true })).toBeUndefined();
    expect(notesFile("/dev/stdout", usual)).toBe("/dev/stdout");
    expect(notesFile(join(place.root, "n.md"), { ships: true, json: true })).toBe(join(place.root, "n.md"));
  });

  test("that cannot be written after all say that the images are published", () => {
    expect(() => writeNotes(join(place.root, "gone/notes.md"), cards)).toThrow("the images are published");
  });
});
