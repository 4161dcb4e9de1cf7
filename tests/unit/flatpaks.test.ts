import { describe, expect, test } from "bun:test";
import { merge, parseList, reviewText, toApp } from "../../lib/host/flatpaks/list.ts";

// Lists of Flatpaks as text: what is an app, what is its category, and what an editor is given.

test.each([
  ["org.inkscape.Inkscape", "org.inkscape.Inkscape"],
  ["io.gitlab.news_flash.NewsFlash", "io.gitlab.news_flash.NewsFlash"],
  ["org.gtk.Gtk3theme.adw-gtk3", "org.gtk.Gtk3theme.adw-gtk3"],
  ["org.gimp.GIMP//beta", "org.gimp.GIMP"],
  ["app/org.gimp.GIMP/x86_64/stable", "org.gimp.GIMP"],
  ["runtime/org.gtk.Gtk3theme.adw-gtk3/x86_64/3.22", "org.gtk.Gtk3theme.adw-gtk3"],
])("%s is an app", (text, id) => {
  expect(toApp(text, "x")).toEqual({ id, ref: text, category: "x" });
});

test.each([
  ...["inkscape", "org.inkscape", "org.7zip.Zip", "org..x.Y", "org.in-kscape.App", "--system", "-y", "org.x.Y z"],
  ...["org.x.Y;reboot", "$(id).x.y", "../../etc.x.y", "", `org.x.${"y".repeat(256)}`, "app/org.x.Y/x86_64"],
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
      { id: "org.b.B", ref: "org.b.B//beta", category: "one" },
    ]);
  });
});
