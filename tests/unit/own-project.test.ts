// reaches: containerfiles/
// Where Slipway finds a project, and the recipes and helpers that a project does not have.
import { afterAll, describe, expect, test } from "bun:test";
import { chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expand } from "../../lib/builders/containerfile/expand.ts";
import { findRecipe, helperNames, lacksHelpers, recipeNames } from "../../lib/family/recipe-files.ts";
import { findProject } from "../../lib/system/find-project.ts";
import { checkout } from "../support/sandbox.ts";
import { family, mistakes, project, put, removeProjects, target } from "../support/small-family.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-own-")));
afterAll(() => {
  removeProjects();
  rmSync(root, { recursive: true, force: true });
});

describe("the project of a folder", () => {
  const mine = join(root, "mine");
  const deep = join(mine, "overlays/one/etc");
  mkdirSync(deep, { recursive: true });
  put(mine, "flavors/family.yaml", "name: x\n");

  test("is the folder itself, or its nearest parent with flavors/family.yaml", () => {
    expect([findProject(mine), findProject(deep)]).toEqual([mine, mine]);
    put(mine, "overlays/one/flavors/family.yaml", "name: y\n");
    expect(findProject(deep)).toBe(join(mine, "overlays/one"));
    expect(findProject(root)).toBeUndefined();
  });

  test.if(process.getuid?.() === 0)("is not a parent's whose files belong to somebody else", () => {
    const shared = join(root, "shared");
    put(shared, "flavors/family.yaml", "name: z\n");
    mkdirSync(join(shared, "work"));
    expect(findProject(join(shared, "work"))).toBe(shared);
    chownSync(join(shared, "flavors/family.yaml"), 12345, 12345);
    expect(findProject(join(shared, "work"))).toBeUndefined();
    expect(findProject(shared)).toBe(shared); // who stands in it has chosen it
  });
});

describe("a project without containerfiles/", () => {
  const none = { "containerfiles/root.Containerfile": undefined, "containerfiles/helpers/polish": undefined };
  const bare = { ...none, "containerfiles/desk.Containerfile": undefined, "flavors/two.yaml": undefined };
  const one = (recipe: string) => `title: One\nrecipe: ${recipe}\narches: [best, plain]\nfinish: [one-kernel]\n`;
  const tiny = "# @base\nFROM ${BASE}\n# @finish\n# @files\n";

  test("is built by Slipway's recipes and helpers", () => {
    const at = project({ ...bare, "flavors/one.yaml": one("debian") });
    expect(findRecipe(at, "debian").file).toBe(join(checkout, "containerfiles/debian.Containerfile"));
    const text = expand(target(family(at), "plain", "one"), family(at));
    expect(text).toContain("\nCOPY .slipway/context/helpers/ /slipway/\n");
    expect(text).not.toContain("COPY containerfiles/helpers/");
    expect(recipeNames(at)).toEqual(["arch", "debian", "desktop", "fedora"]);
    expect(helperNames(at)).toContain("one-kernel");
  });

  test("has names that are wrong shown with Slipway's", () => {
    expect(mistakes({ ...bare, "flavors/one.yaml": one("debain") })[0]).toContain("did you mean `debian`?");
  });

  test("may have a recipe of the same name: it is taken, with its own helpers after ours", () => {
    const at = project({
      ...{ ...bare, "flavors/one.yaml": one("debian"), "containerfiles/helpers/mine": "#!/bin/sh\n" },
      "containerfiles/debian.Containerfile": `# @base\nFROM \${BASE} AS helpers\n# @helpers\n${tiny}`,
    });
    expect(findRecipe(at, "debian").file).toBe("containerfiles/debian.Containerfile");
    const copies = expand(target(family(at), "plain", "one"), family(at)).match(/^COPY \S+helpers.*$/gm);
    expect(copies).toEqual(["COPY .slipway/context/helpers/ /slipway/", "COPY containerfiles/helpers/ /slipway/"]);
  });

  test("takes nothing of ours where it has a copy of all helpers", () => {
    const at = project(bare);
    expect(lacksHelpers(at)).toBe(true);
    cpSync(join(checkout, "containerfiles/helpers"), join(at, "containerfiles/helpers"), { recursive: true });
    expect(lacksHelpers(at)).toBe(false);
  });

  test("does not take a recipe through a link that leads out of the project", () => {
    const outside = join(root, "outside.Containerfile");
    put(root, "outside.Containerfile", tiny);
    const wrong = mistakes({
      ...{ ...bare, "flavors/one.yaml": one("debian") },
      "containerfiles/debian.Containerfile": `-> ${outside}`,
    });
    expect(wrong.join("\n")).toContain("containerfiles/debian.Containerfile: it leads out of the project");
  });
});
