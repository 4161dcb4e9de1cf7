import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expand } from "../../lib/build/expand.ts";
import { contextPaths, inputKey } from "../../lib/build/inputs.ts";
import { family, project, put, removeProjects, target } from "../support/small-family.ts";

// The key of a target: another one when something that goes into the image changed, and only then.

afterAll(removeProjects);

const recipe = `# @base
FROM \${BASE} AS helpers
COPY containerfiles/helpers/ /slipway/
FROM \${BASE}
# @overlay
COPY shared/one-file /x
RUN --mount=type=bind,source=mounted,target=/m true
COPY --from=helpers /slipway/ /y
# @files
RUN bootc container lint
`;

let root: string;
beforeEach(() => {
  root = project({
    "containerfiles/root.Containerfile": recipe,
    "overlays/one/etc/a": "one",
    "overlays/one/etc/b": "two",
    "overlays/one/etc/link": "-> a",
    "overlays/two/etc/a": "other",
    "shared/one-file": "x",
    "shared/beside": "x",
    "mounted/file": "x",
  });
});

interface Rest {
  args?: Record<string, string>;
  base?: string;
  flavor?: string;
}

function key({ args = { A: "1", B: "2" }, base = "id", flavor = "one" }: Rest = {}): string {
  const of = family(root);
  const t = target(of, "best", flavor);
  return inputKey(t, of, { containerfile: expand(t, of), args, base });
}

const at = (path: string) => join(root, path);

test("64 hexadecimal digits, the same for the same", () => {
  expect(key()).toMatch(/^[0-9a-f]{64}$/);
  expect(key()).toBe(key());
});

describe("another key when it changes:", () => {
  test.each<[string, () => unknown]>([
    ["the content of an overlay file", () => put(root, "overlays/one/etc/a", "ONE")],
    ["the name of one", () => renameSync(at("overlays/one/etc/a"), at("overlays/one/etc/c"))],
    ["a new one", () => put(root, "overlays/one/etc/empty", "")],
    ["one that is gone", () => rmSync(at("overlays/one/etc/b"))],
    [
      "content that moves from one to the other",
      () => [put(root, "overlays/one/etc/a", "onet"), put(root, "overlays/one/etc/b", "wo")],
    ],
    ["the executable bit of one", () => chmodSync(at("overlays/one/etc/a"), 0o755)],
    ["where a link leads", () => [rmSync(at("overlays/one/etc/link")), symlinkSync("b", at("overlays/one/etc/link"))]],
    ["a helper", () => put(root, "containerfiles/helpers/polish", "#!/bin/sh\ntrue\n")],
    ["the executable bit of a helper", () => chmodSync(at("containerfiles/helpers/polish"), 0o755)],
    ["a single copied file", () => put(root, "shared/one-file", "y")],
    ["the executable bit of a single copied file", () => chmodSync(at("shared/one-file"), 0o755)],
    ["a mounted folder", () => put(root, "mounted/file", "y")],
    ["the key file", () => put(root, "toy.pub", "-----BEGIN PUBLIC KEY-----\nother\n-----END PUBLIC KEY-----\n")],
    ["the recipe", () => put(root, "containerfiles/root.Containerfile", `${recipe}# a comment\nLABEL a=b\n`)],
    [
      "the flavor",
      () => put(root, "flavors/one.yaml", "title: One\nrecipe: root\narches: [best, plain]\nkargs: [quiet]\n"),
    ],
    ["the title", () => put(root, "flavors/one.yaml", "title: Uno\nrecipe: root\narches: [best, plain]\n")],
  ])("%s", (_, change) => {
    const before = key();
    change();
    expect(key()).not.toBe(before);
  });

  test("a build argument, the base image's id, the target", () => {
    const keys = [key(), key({ args: { A: "1", B: "3" } }), key({ args: { A: "1" } }), key({ base: "other" })];
    const of = family(root);
    const other = target(of, "plain", "one");
    keys.push(
      inputKey(other, of, {
        containerfile: expand(target(of, "best", "one"), of),
        args: { A: "1", B: "2" },
        base: "id",
      }),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("the same key when it changes:", () => {
  test.each<[string, () => unknown]>([
    ["the time of a file", () => utimesSync(at("overlays/one/etc/a"), 1, 1)],
    [
      "what a umask takes away",
      () => [chmodSync(at("overlays/one/etc/a"), 0o600), chmodSync(at("overlays/one/etc"), 0o700)],
    ],
    ["another flavor's overlay", () => put(root, "overlays/two/etc/a", "changed")],
    [
      "another flavor",
      () => put(root, "flavors/two.yaml", "title: 2\nrecipe: desk\nfrom: one\narches: [best]\n".replace("2", "Zwei")),
    ],
    ["a file that nothing copies", () => writeFileSync(at("shared/beside"), "changed")],
    [
      "what smoke says",
      () => put(root, "flavors/one.yaml", "title: One\nrecipe: root\narches: [best, plain]\nsmoke: {files: [/x]}\n"),
    ],
  ])("%s", (_, change) => {
    const before = key();
    change();
    expect(key()).toBe(before);
  });

  test("the order of the build arguments", () => {
    expect(key({ args: { B: "2", A: "1" } })).toBe(key());
  });
});

test("what a Containerfile takes from the project", () => {
  const text = `ADD --chmod=644 a /x
COPY b c/ \\
  d /y/
COPY --from=z e /x
RUN --mount=type=bind,src=f,target=/f --mount=type=bind,from=z,source=g,target=/g true
RUN echo COPY h /x
`;
  expect(contextPaths(text)).toEqual(["a", "b", "c", "d", "f"]);
});
