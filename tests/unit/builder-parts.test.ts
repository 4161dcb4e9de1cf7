import { afterAll, expect, test } from "bun:test";
import { builders } from "../../lib/builders/all.ts";
import { builderParts } from "../../lib/family/builder-parts.ts";
import { projectFile } from "../../lib/family/shapes.ts";
import { removeProjects, told } from "../support/small-family.ts";

afterAll(removeProjects);

const mistakes = (flavor: string) => told({ "flavors/two.yaml": flavor });

test("each builder has its part of the manifest", () => {
  expect([...builderParts.keys()]).toEqual([...builders.keys()]);
});

test("a flavor has the keys of its own builder: another's are mistakes at their places, and needs no recipe", () => {
  builderParts.set("tiny", { content: projectFile });
  const good = "title: Two\nbuilder: tiny\ncontent: toy.pub\narches: [best]\n";
  expect(mistakes(good)).toEqual([]);
  expect(mistakes(`${good}groups: {a: {packages: [b]}}\nrecipe: desk\n`)).toEqual([
    "flavors/two.yaml:5:1: unknown key `groups`",
    "flavors/two.yaml:6:1: unknown key `recipe`",
  ]);
  expect(mistakes(good.replace("tiny", "containerfile"))).toContain("flavors/two.yaml:3:1: unknown key `content`");
});

test("a builder that nobody wrote is a mistake of its name", () => {
  expect(mistakes("title: Two\nbuilder: make\nrecipe: root\narches: [best]\n")).toEqual([
    expect.stringContaining("flavors/two.yaml:2:10: "),
  ]);
});
