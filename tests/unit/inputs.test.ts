import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { planTarget } from "../../lib/builders/build.ts";
import { takes } from "../../lib/builders/containerfile/context.ts";
import { filesAt } from "../../lib/builders/containerfile/context-files.ts";
import { contextUse, firstUnknown } from "../../lib/builders/containerfile/context-use.ts";
import { expand, guaraPath } from "../../lib/builders/containerfile/expand.ts";
import { givenArgs } from "../../lib/builders/containerfile/given-args.ts";
import { inputParts } from "../../lib/builders/containerfile/inputs.ts";
import { linesOf, parseContainerfile } from "../../lib/builders/containerfile/instructions.ts";
import { inputKey } from "../../lib/builders/inputs.ts";
import { exit, Failure } from "../../lib/system/errors.ts";
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
  return inputKey(t, of, base, { parts: () => inputParts(of.root, expand(t, of), args) });
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
      inputKey(other, of, "id", {
        parts: () => inputParts(of.root, expand(target(of, "best", "one"), of), { A: "1", B: "2" }),
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

/** Containerfiles, and what they take from the project; "?" and a word for what cannot be known before the build. */
const taken: [what: string, text: string, paths: string[]][] = [
  ["sources, not the destination", "ADD --chmod=644 a /x\nCOPY b c/ \\\n  d /y/", ["a", "b", "c", "d"]],
  ["nothing of another stage or image", "COPY --from=z a /x\nRUN --mount=type=bind,from=z,source=g,target=/g true", []],
  ["not what a command says", "RUN echo COPY h /x\nRUN echo --mount=source=h", []],
  ["the folder above a pattern", "COPY files/*.conf a/b?/c files/[ab] *.d /etc/", ["./*", "a/*", "files/*"]],
  ["a list of words", 'COPY ["a b","c", "/x/"]\nADD --chown=0 ["d","/y"]', ["a b", "c", "d"]],
  ["small letters", "from scratch\ncopy a /x\nRun --mount=type=bind,source=b,target=/b true", ["a", "b"]],
  [
    "ARG, ENV and defaults",
    "FROM b\nARG D=a\nENV E=b F='c c'\nCOPY ${D}/x $E/y \"$F\" ${D:-q}z /x",
    ["a/x", "az", "b/y", "c c"],
  ],
  ["ARG of before the first FROM", "ARG D=a\nFROM b\nARG D\nCOPY ${D} /x\nFROM b\nCOPY $D /x", ["?$D", "a"]],
  ["ENV of an earlier stage, but not its ARG", "FROM b AS s\nARG D=a\nENV E=b\nFROM s\nCOPY $E $D /x", ["?$D", "b"]],
  ["several names of an ARG", "ARG D=a E=b\nFROM b\nARG D E\nCOPY $D $E /x", ["a", "b"]],
  ["ENV before ARG", "FROM b\nENV D=env\nARG D=arg\nCOPY $D /x", ["env"]],
  ["a variable that nothing sets", "FROM b\nCOPY $HOME/x ${D#x}/y /x", ["?$HOME/x", "?${D#x}/y"]],
  ["an ARG that podman sets", "FROM b\nARG TARGETARCH=amd64\nCOPY bin/$TARGETARCH /x", ["?bin/$TARGETARCH"]],
  ["a given build argument", "FROM b\nARG GIVEN=a\nCOPY $GIVEN /x", ["given"]],
  ["comments and empty lines between", "COPY a \\\n# b /c\n\n  # d\n  e /x", ["a", "e"]],
  ["blanks after a backslash", "COPY a \\ \t\n  b /x", ["a", "b"]],
  ["a last line that would go on", "COPY a /x \\", ["a"]],
  ["DOS line ends", "COPY a /x\r\nCOPY b \\\r\n  c /x\r\n", ["a", "b", "c"]],
  ["what ONBUILD asks for", "ONBUILD COPY a /x\nonbuild run --mount=type=bind,src=b,target=/b true", ["a", "b"]],
  [
    "not the text of a heredoc",
    "COPY <<EOF a /x\nCOPY no /y\nEOF\nRUN <<-'E' cat\nCOPY no /y\n\tE\nCOPY b /x",
    ["a", "b"],
  ],
  ["a heredoc without an end is none", "RUN cat <<X\nCOPY a /x", ["a"]],
  ["quotes", 'COPY "a" \'b\' c\\ d /x\nRUN --mount=type=bind,"source=e",target=/e true', ["a", "b", "c", "d", "e"]],
  ["another escape", "# escape=`\nFROM b\nCOPY a `\n  b /x\nCOPY c\\d /x", ["./*", "a", "b"]],
  ["no directive after a comment", "# one\n# escape=`\nCOPY a \\\n  b /x", ["a", "b"]],
  ["an address", "ADD https://x.test/y /z", ["?https://x.test/y"]],
  ["an address with a checksum", "ADD --checksum=sha256:0 https://x.test/y a /z", ["a"]],
  ["mounts with and without a type", "RUN --mount=src=a,target=/a --mount=source=b,dst=/b,type=bind true", ["a", "b"]],
  ["no source: the whole context", "RUN --mount=type=bind,target=/src make", ["."]],
  ["not other mounts", "RUN --mount=type=cache,target=/a,source=b --mount=type=tmpfs,target=/t true", []],
  [
    "mounts over several lines",
    "RUN --mount=type=bind,\\\nsource=a,target=/a \\\n  --network=none \\\n  --mount=source=b,target=/b \\\n  x",
    ["a", "b"],
  ],
  ["a variable in a mount", "FROM b\nARG D=a\nRUN --mount=source=$D,target=/a true", ["a"]],
  ["options of COPY", "COPY --exclude=*.txt --parents --link ./a/./b /c/ /x", ["a/b", "c"]],
  ["nothing above the context", "COPY ../../a ./b/../../c / . /x", [".", "a", "c"]],
];

test.each(taken)("what a Containerfile takes: %s", (_, text, expected) => {
  const uses = contextUse(parseContainerfile(linesOf(text)), { GIVEN: "given" });
  const found = uses.flatMap(({ paths, unknown }) => [...paths, ...unknown.map((word) => `?${word}`)]);
  expect([...new Set(found)].sort()).toEqual(expected);
});

test("a path that is not known before the build is named with its line", () => {
  const uses = contextUse(parseContainerfile(linesOf("FROM b\nCOPY a /x\n\nCOPY \\\n  $D/x /y\n")));
  expect(firstUnknown(uses, "x.Containerfile")).toBe(
    "built every time: what is behind `$D/x` is not known before the build (x.Containerfile:4)",
  );
});

test("many quotes that never close, with many backslashes, are read at once", () => {
  const lines = Array.from({ length: 200 }, (_, i) => `ENV A${i}="${"\\".repeat(200)}x`);
  expect(contextUse(parseContainerfile(linesOf(["FROM b", ...lines, "COPY a /x"].join("\n"))))).toMatchObject([
    { paths: ["a"] },
  ]);
});

test("a build argument can be given for an ARG in any writing, and for no word of a heredoc", () => {
  put(
    root,
    "containerfiles/root.Containerfile",
    `${recipe}  arg one=1 TWO=2\nRUN <<EOF\nARG THREE=3\nEOF\nRUN bootc container lint\n`,
  );
  const of = family(root);
  const given = (text: string) => {
    process.env.SLIPWAY_BUILD_ARGS = text;
    try {
      return givenArgs(expand(target(of, "best", "one"), of), of);
    } finally {
      delete process.env.SLIPWAY_BUILD_ARGS;
    }
  };
  expect(given("one=a;TWO=b")).toEqual({ one: "a", TWO: "b" });
  expect(() => given("THREE=c")).toThrow("sets no ARG of a recipe");
});

test("a target with such a path is built, however often, and says why", () => {
  put(root, "containerfiles/root.Containerfile", `${recipe}COPY shared/$NOBODY /x\n`);
  const of = family(root);
  const base = { name: "b", image: { id: "b", digest: "", names: [], labels: {}, size: 1 } };
  const at = { base, image: undefined, origin: { epoch: 1, revision: undefined }, now: 1 };
  const options = { force: false, refresh: false, noCache: false };
  const first = planTarget(target(of, "best", "one"), of, at, options);
  const image = { ...base.image, labels: first.job.labels };
  expect(planTarget(target(of, "best", "one"), of, { ...at, image }, options)).toMatchObject({
    build: true,
    why: "built every time: what is behind `shared/$NOBODY` is not known before the build (containerfiles/root.Containerfile:11)",
  });
});

describe("other ways to the same files:", () => {
  const relink = (name: string, to: string) => [rmSync(at(name)), symlinkSync(to, at(name))];
  const keyOf = (line: string) => {
    const of = family(root);
    return inputKey(target(of, "best", "one"), of, "id", { parts: () => inputParts(root, `FROM b\n${line}\n`, {}) });
  };

  test.each<[string, string, () => unknown]>([
    ["a pattern", "COPY shared/one* /x", () => put(root, "shared/one-file", "y")],
    ["a list of words", 'COPY ["shared/one-file","/x"]', () => put(root, "shared/one-file", "y")],
    ["all of the project", "RUN --mount=target=/src true", () => put(root, "mounted/file", "y")],
    ["a file behind a link that a pattern matches", "COPY conf/*.conf /x", () => put(root, "shared/one-file", "y")],
    [
      "a file behind a link to a folder in a pattern",
      "COPY conf/*/one-file /x",
      () => put(root, "shared/one-file", "y"),
    ],
    ["a file behind a link to a link", "COPY conf/t* /x", () => put(root, "shared/one-file", "y")],
    ["a link from the context's root", "COPY absolute /x", () => put(root, "shared/one-file", "y")],
    ["a link from the context's root on the way", "COPY absolute/one-file /x", () => put(root, "shared/one-file", "y")],
    ["a link to above the context's root", "COPY above /x", () => put(root, "shared/one-file", "y")],
    ["where a link on the way leads", "COPY link/one-file /x", () => relink("link", "mounted")],
    ["a link to a folder", "COPY link /x", () => put(root, "shared/one-file", "y")],
    ["a link on the way", "COPY link/one-file /x", () => put(root, "shared/one-file", "y")],
    ["what is left out", "COPY shared /x", () => put(root, ".containerignore", "shared/beside\n")],
  ])("%s", (_, line, change) => {
    symlinkSync("shared", at("link"));
    symlinkSync("/shared", at("absolute"));
    symlinkSync(`${"../".repeat(40)}shared`, at("above"));
    put(root, "conf/a.conf", "-> ../shared/one-file");
    put(root, "conf/folder", "-> ../shared");
    put(root, "conf/two", "-> /link/one-file");
    put(root, "conf/loop", "-> ..");
    const before = keyOf(line);
    expect(keyOf(line)).toBe(before);
    change();
    expect(keyOf(line)).not.toBe(before);
  });

  test("what Slipway keeps for itself is no input, what it makes for builds is one", () => {
    const all = () => keyOf("COPY . /x");
    const before = all();
    put(root, ".slipway/logs/today", "x");
    expect(all()).toBe(before);
    put(root, ".slipway/context/guara", "x");
    expect(all()).not.toBe(before);
  });
});

describe("nothing outside of the project is read:", () => {
  const bytesOf = (path: string) => {
    const parts = [...filesAt(root, path)].map((part) => Buffer.from(part).toString());
    return parts.join("").replaceAll("\0", " ");
  };

  test.each<[string, string, string]>([
    ["an absolute link", "link", "l link OUTSIDE "],
    ["a link on the way", "link/file", "l link OUTSIDE "],
    ["a link to above the root", "up", "l up ../NAME "],
    ["a link in a folder that a pattern is in", "links/*", "d links l links/out OUTSIDE "],
    ["links in a circle", "round", "l round round ".repeat(41)],
  ])("%s", (_, path, expected) => {
    const outside = project({ file: "of the machine" });
    const name = outside.slice(outside.lastIndexOf("/") + 1);
    for (const link of ["link", "links/out"]) put(root, link, `-> ${outside}`);
    put(root, "up", `-> ../${name}`);
    put(root, "round", "-> round");
    expect(bytesOf(path).replaceAll(outside, "OUTSIDE").replaceAll(name, "NAME")).toBe(expected);
  });

  test("Slipway's own folder is a link", () => {
    const outside = project({ "context/guara": "of the machine" });
    symlinkSync(outside, at(".slipway"));
    expect(bytesOf(".")).not.toContain("of the machine");
    expect(bytesOf(".slipway/context")).not.toContain("of the machine");
  });
});

test("a file that this user may not read is named", () => {
  // Not even root may read this one.
  expect(() => [...filesAt("/proc/sys/vm", "compact_memory")]).toThrow(
    new Failure(exit.failed, "a file of the build context cannot be read: /proc/sys/vm/compact_memory"),
  );
});

test.each([
  ["a file", "shared/one-file", "f shared/one-file\0-\x001\0"],
  ["a folder", "shared", "d shared\0"],
])("%s that goes away while it is read is none", (_, path, first) => {
  const parts = filesAt(root, path);
  expect(parts.next().value).toBe(first);
  rmSync(at("shared"), { recursive: true });
  expect([...parts].join("")).toBe("");
});

test.each([
  ["COPY .slipway/context/guara /x", true],
  ["COPY .slipway/context/g* /x", true],
  ["COPY .slipway /x", true],
  ["COPY . /x", true],
  ["COPY * /x", true],
  ["RUN --mount=target=/x true", true],
  ["COPY .slipway/context/guaraos shared /x", false],
])("whether the program of people's machines is made: %s", (line, made) => {
  expect(takes(`FROM b\n${line}\n`, guaraPath)).toBe(made);
});
