import { describe, expect, test } from "bun:test";
import { type App, merge, parseList, reviewText, toApp } from "../../lib/host/flatpaks/list.ts";
import { candidates, isThere } from "../../lib/host/flatpaks/refs.ts";

// Lists of Flatpaks as text: what is an app, what is its category, and what an editor is given.

test.each([
  ["org.inkscape.Inkscape", { id: "org.inkscape.Inkscape" }],
  ["io.gitlab.news_flash.NewsFlash", { id: "io.gitlab.news_flash.NewsFlash" }],
  ["org.gtk.Gtk3theme.adw-gtk3", { id: "org.gtk.Gtk3theme.adw-gtk3" }],
  ["org.gimp.GIMP//beta", { id: "org.gimp.GIMP", branch: "beta" }],
  ["org.gimp.GIMP//", { id: "org.gimp.GIMP" }],
  ["org.gimp.GIMP/aarch64", { id: "org.gimp.GIMP", arch: "aarch64" }],
  ["app/org.gimp.GIMP", { kind: "app", id: "org.gimp.GIMP" }],
  ["app/org.gimp.GIMP/x86_64/stable", { kind: "app", id: "org.gimp.GIMP", arch: "x86_64", branch: "stable" }],
  ["runtime/org.x.Y/x86_64/3.22", { kind: "runtime", id: "org.x.Y", arch: "x86_64", branch: "3.22" }],
])("%s is an app", (text, parts) => {
  expect(toApp(text, "x") as object).toEqual({ ...parts, ref: text, category: "x" });
});

test.each([
  ...["inkscape", "org.inkscape", "org.7zip.Zip", "org..x.Y", "org.in-kscape.App", "--system", "-y", "org.x.Y z"],
  ...[
    "org.x.Y;reboot",
    "$(id).x.y",
    "../../etc.x.y",
    "",
    `org.x.${"y".repeat(256)}`,
    "app/app/org.x.Y",
    "org.x.Y//.x",
    "org.x.Y/a/b/c",
  ],
])("%j is none", (text) => {
  expect(toApp(text, "x")).toBeUndefined();
});

test("categories, comments, blank lines and line ends", () => {
  const { apps, mistakes } = parseList(
    "# What a person may want: one a line.\r\norg.a.First # the best\r\n\r\n## web & mail\norg.b.Second\n#org.c.Out\nnot an app\n",
    "other",
  );
  expect(apps.map(({ id, category }) => `${category}: ${id}`)).toEqual([
    "other: org.a.First",
    "web & mail: org.b.Second",
  ]);
  expect(mistakes).toEqual([{ line: 7, text: "not an app" }]);
});

test("merged, each app is there once, with the category of whoever named it first; categories stay together", () => {
  const list = (...rows: [string, string][]) => rows.map(([id, category]) => ({ id, ref: id, category }));
  const all = merge([
    list(["org.a.A", "games"], ["org.b.B", "web"]),
    list(["org.b.B", "other"], ["org.c.C", "games"], ["org.d.D", "other"]),
  ]);
  expect(all).toEqual(list(["org.a.A", "games"], ["org.c.C", "games"], ["org.b.B", "web"], ["org.d.D", "other"]));
});

test("two branches, two arches, and an app and a runtime of one ID are entries of their own", () => {
  const refs = ["org.x.Y//23.08", "org.x.Y//25.08", "org.x.Y/i386/25.08", "app/org.x.Y", "runtime/org.x.Y", "org.x.Y"];
  const { apps } = parseList([...refs, "org.x.Y//23.08", "org.x.Y/"].join("\n"), "x");
  expect(merge([apps]).map(({ ref }) => ref)).toEqual(refs);
});

describe("what an entry means", () => {
  const has = [
    ...["runtime/org.x.Y/x86_64/23.08", "runtime/org.x.Y/x86_64/25.08", "runtime/org.x.Y/i386/25.08"],
    ...["app/org.x.Both/x86_64/stable", "runtime/org.x.Both/x86_64/stable", "app/org.x.Old/i386/stable"],
  ];
  const app = (text: string) => toApp(text, "x") as App;
  test.each<[string, string[]]>([
    ["org.x.Y//25.08", ["runtime/org.x.Y/x86_64/25.08"]],
    ["org.x.Y/i386", ["runtime/org.x.Y/i386/25.08"]],
    ["org.x.Y", ["runtime/org.x.Y/x86_64/23.08", "runtime/org.x.Y/x86_64/25.08"]],
    ["app/org.x.Y", []],
    ["runtime/org.x.Both", ["runtime/org.x.Both/x86_64/stable"]],
    ["org.x.Both", ["app/org.x.Both/x86_64/stable", "runtime/org.x.Both/x86_64/stable"]],
    ["org.x.Old", ["app/org.x.Old/i386/stable"]],
    ["org.x.None", []],
  ])("%s in the remote", (text, refs) => expect(candidates(app(text), has, "x86_64")).toEqual(refs));

  test.each<[string, string[], boolean]>([
    ["org.x.Y//25.08", ["runtime/org.x.Y/x86_64/23.08"], false],
    ["org.x.Y", ["runtime/org.x.Y/x86_64/23.08"], true],
    ["org.x.Y", ["runtime/org.x.Y/i386/23.08"], false],
    ["app/org.x.Both", ["runtime/org.x.Both/x86_64/stable"], false],
    ["org.x.Both", ["runtime/org.x.Both/x86_64/stable"], true],
  ])("%s, with %j installed", (text, there, is) => expect(isThere(app(text), there, "x86_64")).toBe(is));
});

describe("what an editor is given", () => {
  const { apps } = parseList("# one\norg.a.A\norg.b.B//beta\n# two\norg.c.C\n", "other");

  test("read back, it is what was chosen", () => {
    const text = reviewText(apps, new Set(["org.a.A", "org.c.C"]), "for you");
    expect(text).toContain("for you");
    const { apps: left, mistakes } = parseList(text, "other");
    expect(mistakes).toEqual([]);
    expect(left).toEqual(apps.filter(({ id }) => id !== "org.b.B"));
  });

  test("what was not chosen is a comment, taken in by taking its mark away", () => {
    const text = reviewText(apps, new Set(), "for you");
    expect(parseList(text, "other").apps).toEqual([]);
    expect(parseList(text.replace("#org.b.B//beta", "org.b.B//beta"), "other").apps).toEqual([
      { id: "org.b.B", branch: "beta", ref: "org.b.B//beta", category: "one" },
    ]);
  });
});
