import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { linesOf } from "../../lib/builders/containerfile/instructions.ts";
import { withMounts } from "../../lib/builders/containerfile/mounts.ts";
import { Failure } from "../../lib/system/errors.ts";
import { project, put, removeProjects } from "../support/small-family.ts";

// What a RUN mounts is part of its text, so that podman runs it again when it changes. With podman: tests/integration/build.

afterAll(removeProjects);

let root: string;
beforeEach(() => {
  root = project({ "files/a": "a", "files/b": "b", "other/c": "c" });
});

const signed = (text: string, given: Record<string, string> = {}) =>
  withMounts(linesOf(text), root, given)
    .map((l) => l.text)
    .join("\n");
/** The text with each digest as one word. */
const shown = (text: string) => signed(text).replaceAll(/sha256:[0-9a-f]{64}/g, "HASH");

describe("the digest of what is mounted", () => {
  test.each<[string, string, string]>([
    [
      "is in a RUN of shell",
      "RUN --mount=source=files,target=/x true",
      "RUN --mount=consistency=HASH,source=files,target=/x true",
    ],
    [
      "is in a RUN of a JSON list",
      'RUN --mount=type=bind,src=files,target=/x ["true"]',
      'RUN --mount=consistency=HASH,type=bind,src=files,target=/x ["true"]',
    ],
    [
      "is in a RUN with a heredoc, and not in its text",
      "RUN --mount=source=files,target=/x <<EOF\necho --mount=source=files\nEOF",
      "RUN --mount=consistency=HASH,source=files,target=/x <<EOF\necho --mount=source=files\nEOF",
    ],
    [
      "is in the first bind mount, on whatever line it is",
      "RUN --mount=type=cache,target=/c \\\n  # --mount=no\n  --network=none \\\n  --mount=type=bind,\\\nsource=files,target=/x true --mount=no",
      "RUN --mount=type=cache,target=/c \\\n  # --mount=no\n  --network=none \\\n  --mount=consistency=HASH,type=bind,\\\nsource=files,target=/x true --mount=no",
    ],
    [
      "is nowhere without such a mount",
      "RUN --mount=type=tmpfs,target=/x ls\nCOPY files /x",
      "RUN --mount=type=tmpfs,target=/x ls\nCOPY files /x",
    ],
    ["is nowhere for an image", "RUN --mount=from=x.test/y,target=/x ls", "RUN --mount=from=x.test/y,target=/x ls"],
    [
      "is that of a stage, which gets a last step that does nothing",
      "FROM scratch AS ctx\nCOPY files /\n# why\n\nFROM b\nRUN --mount=type=bind,from=CTX,target=/x ls",
      "FROM scratch AS ctx\nCOPY files /\nARG SLIPWAY_STAGE_END=\n# why\n\nFROM b\nRUN --mount=consistency=HASH,type=bind,from=CTX,target=/x ls",
    ],
  ])("%s", (_, text, expected) => {
    expect(shown(`FROM b AS first\n${text}`)).toBe(`FROM b AS first\n${expected}`);
  });

  test("needs `--mount=` in one piece", () => {
    const text = "FROM b\nRUN --mo\\\nunt=source=files,target=/x true";
    expect(() => signed(text)).toThrow(Failure);
    expect(() => signed(text)).toThrow("line 2 of the recipe");
  });
});

const ofStages = `ARG G=1
ARG UNUSED=1
FROM b AS low
COPY files /f
FROM low AS middle
ARG G
RUN make
FROM b AS beside
COPY --from=middle /f /f
FROM b
RUN --mount=type=bind,from=beside,target=/x true
`;

const ofArgs = `ARG V=1 A=a:$V B=1
ARG TAG=1
ARG IMG=x.test/y:$TAG
FROM $IMG AS low
ARG A B
RUN make
FROM b
ARG SLIPWAY_REFRESH=
RUN --mount=type=bind,from=low,target=/x true
`;

test.each<[string, string, () => unknown, string, Record<string, string>]>([
  ["a file of the context", "FROM b\nRUN --mount=source=files,target=/x true", () => put(root, "files/a", "A"), "", {}],
  [
    "a file where nobody knows which",
    "FROM b\nRUN --mount=source=$X,target=/x true",
    () => put(root, "other/c", "C"),
    "",
    {},
  ],
  ["a file that a stage below copies", ofStages, () => put(root, "files/a", "A"), "", {}],
  ["a command of a stage below", ofStages, () => {}, ofStages.replace("RUN make", "RUN make all"), {}],
  ["an argument of a stage below", ofStages, () => {}, ofStages.replace("G=1", "G=2"), {}],
  ["a given argument of a stage below", ofStages, () => {}, "", { G: "2" }],
  ["the second given argument of an ARG", ofStages.replace("ARG G\n", "ARG ONE G\n"), () => {}, "", { G: "2" }],
  ["the second default of an ARG", ofArgs, () => {}, ofArgs.replace("B=1", "B=2"), {}],
  ["an ARG that another one's default names", ofArgs, () => {}, ofArgs.replace("V=1", "V=2"), {}],
  [
    "an ARG that is named twice",
    `ARG V=0\nARG IMG=a:$V\n${ofArgs}`.replace("ARG IMG=x.test/y:$TAG\n", ""),
    () => {},
    `ARG V=9\nARG IMG=a:$V\n${ofArgs}`.replace("ARG IMG=x.test/y:$TAG\n", ""),
    {},
  ],
  ["a given platform", ofArgs.replace("FROM $IMG", "FROM --platform=$P $IMG"), () => {}, "", { P: "2" }],
  ["a given argument that another one's default names", ofArgs, () => {}, "", { V: "2" }],
  ["a given argument that the name of a stage's image is made of", ofArgs, () => {}, "", { TAG: "2" }],
  ["a default that the name of a stage's image is made of", ofArgs, () => {}, ofArgs.replace("TAG=1", "TAG=2"), {}],
])("it is another one for %s", (_, text, change, later, given) => {
  const last = (all: string) => all.split("\n").findLast((line) => line.startsWith("RUN"));
  const before = last(signed(text));
  expect(before).toContain("consistency=sha256:");
  change();
  expect(last(signed(later || text, given))).not.toBe(before);
});

test("it is the same when anything else changes", () => {
  const before = signed(ofStages);
  put(root, "other/c", "C");
  expect(signed(ofStages, { UNUSED: "2" })).toBe(before);
  expect(signed(ofArgs, { A: "1", B: "2" })).toBe(signed(ofArgs, { B: "2", A: "1" }));
  expect(signed(ofArgs, { SLIPWAY_REFRESH: "now" })).toBe(signed(ofArgs));
});
