import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { architectureOf } from "../../lib/builders/architecture.ts";
import { localBase } from "../../lib/builders/base.ts";
import { planTarget } from "../../lib/builders/build.ts";
import { containerfile as builder } from "../../lib/builders/containerfile/builder.ts";
import { leavesOut, refuseCopiedKey } from "../../lib/builders/containerfile/copied-secrets.ts";
import { expand } from "../../lib/builders/containerfile/expand.ts";
import { linesOf, parseContainerfile } from "../../lib/builders/containerfile/instructions.ts";
import { outsideImages } from "../../lib/builders/containerfile/outside.ts";
import { hideSecretsOf, secretWords } from "../../lib/builders/containerfile/secrets.ts";
import { inputKey } from "../../lib/builders/inputs.ts";
import type { Arch, Manifest } from "../../lib/family/family.ts";
import { traceBeside } from "../../lib/family/manifest.ts";
import type { LocalImage } from "../../lib/oci/storage.ts";
import type { Failure } from "../../lib/system/errors.ts";
import { hideSecrets } from "../../lib/system/secrets.ts";
import { checkout } from "../support/sandbox.ts";
import {
  type Files,
  family,
  mistakes,
  project,
  put,
  removeProjects,
  small,
  target,
  told,
} from "../support/small-family.ts";

// A flavor that is built by a Containerfile of the project's own.

afterAll(removeProjects);

const text = `FROM scratch AS ctx
COPY build_files /

FROM ghcr.io/ublue-os/bluefin:stable
ARG COLOUR=red
# @author somebody
RUN --mount=type=bind,from=ctx,source=/,target=/ctx /ctx/build.sh
RUN bootc container lint
`;
const head = `name: toy
title: Toy
registry: registry.test/toys
prefix: toy
key: toy.pub
default: {arch: amd64, flavor: one}
arches: {amd64: {}}
`;
const yaml = (own: string, more = "") => `title: One\ncontainerfile: ${own}\narches: [amd64]\n${more}`;

/** A project without recipes. */
const files = (own = "Containerfile", more: Files = {}): Files => ({
  "flavors/family.yaml": head,
  "flavors/one.yaml": yaml(own),
  "flavors/two.yaml": undefined,
  "containerfiles/root.Containerfile": undefined,
  "containerfiles/desk.Containerfile": undefined,
  "containerfiles/helpers/polish": undefined,
  Containerfile: text,
  "build_files/build.sh": "true\n",
  ...more,
});
const said = (own?: string, more?: Files) => told(files(own, more));

function open(own?: string, more?: Files) {
  const root = project(files(own, more));
  const of = family(root);
  return { root, of, one: target(of, "amd64", "one") };
}

describe("the manifest", () => {
  test("a path, or a map of them: no recipe, no base of the arch and no marker is needed", () => {
    expect(said()).toEqual([]);
    expect(
      said("{file: image/Containerfile, context: image, target: base, args: {a: b}, secrets: {t: {env: T}}}", {
        "image/Containerfile": "ARG a\nFROM x AS base\n",
      }),
    ).toEqual([]);
    expect(told(files("Containerfile", { "flavors/one.yaml": yaml("Containerfile", "bootc: true\n") }))).toEqual([]);
  });

  test.each([
    ["../Containerfile", "flavors/one.yaml:2:16: `../Containerfile`: not a file of the project"],
    ["{file: Containerfile, context: /etc}", "flavors/one.yaml:2:47: `/etc`: not a folder of the project"],
    ["{file: Containerfile, contxt: x}", "flavors/one.yaml:2:38: unknown key `contxt`; did you mean `context`?"],
    ["{context: x}", "flavors/one.yaml:2:16: `containerfile.file` is missing"],
    [
      "{file: Containerfile, secrets: {t: {env: 'A,src=/etc/shadow'}}}",
      "flavors/one.yaml:2:57: `A,src=/etc/shadow`: not a name of a variable",
    ],
    ["{file: Containerfile, secrets: {t: {file: 'a,b'}}}", "flavors/one.yaml:2:58: `a,b`: not a secret's file"],
    ["{file: Containerfile, secrets: {t: {file: ../a}}}", "flavors/one.yaml:2:58: `../a`: not a secret's file"],
    ["{file: Containerfile, args: {A-B: x}}", "flavors/one.yaml:2:45: `A-B`: not a name of a variable"],
    ["Contanerfile", "flavors/one.yaml:2:16: Contanerfile: it cannot be read: ENOENT"],
    ["{file: Containerfile, context: nowhere}", "flavors/one.yaml:2:47: nowhere is no folder"],
  ])("%s", (own, message) => {
    expect(said(own)).toEqual([message]);
  });

  test("a manifest that is remembered is read again when the Containerfile or its context changes", () => {
    const root = project(files("{file: Containerfile, context: build_files}"));
    const { flavors, ...head } = family(root);
    const trace = () => traceBeside(root, { head, flavors: Object.fromEntries(flavors) } as unknown as Manifest);
    const seen = [trace(), trace()];
    put(root, "Containerfile", `${text}# @groups\n`);
    seen.push(trace());
    rmSync(join(root, "Containerfile"));
    seen.push(trace());
    rmSync(join(root, "build_files"), { recursive: true });
    seen.push(trace());
    expect(seen[0]).toBe(seen[1] as string);
    expect(new Set(seen).size).toBe(4);
  });

  test("what the page about it shows is good", () => {
    const page = readFileSync(join(checkout, "docs/own-containerfile.md"), "utf8");
    const [both = "", long = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => m[1] ?? "");
    const [, head = "", flavor = ""] = both.split(/^# flavors\/.*\n/m);
    const shown = { "flavors/family.yaml": head, "flavors/one.yaml": undefined, "cosign.pub": small["toy.pub"] };
    expect(flavor).toContain("containerfile:");
    expect(said("x", { ...shown, "flavors/desk.yaml": flavor })).toEqual([]);
    const whole = flavor.replace(/^containerfile:.*\n/m, long);
    expect(said("x", { ...shown, "flavors/desk.yaml": whole, "image/Containerfile": text })).toEqual([]);
  });

  test("one way to build a flavor, not two and not none", () => {
    const recipe = { "containerfiles/root.Containerfile": "FROM scratch\n" };
    expect(said("Containerfile\nrecipe: root", recipe)[0]).toBe(
      "flavors/one.yaml:2:1: `recipe` and `containerfile` are two ways to build it",
    );
    expect(mistakes(files("x", { "flavors/one.yaml": "title: One\narches: [amd64]\n" }))[0]).toBe(
      `flavors/one.yaml:1:1: \`recipe\` is missing
    1 | title: One
      | ^
      expected: recipe: NAME of containerfiles/, or containerfile: a path of your own`,
    );
  });

  test("what starts from the arch's base needs one: a recipe, and the marker", () => {
    const where = "`amd64` has no base, and";
    expect(said("Containerfile", { Containerfile: "# @base\nFROM ${BASE}\n" })).toEqual([
      `flavors/one.yaml:3:10: ${where} Containerfile starts from it`,
    ]);
    const recipe = { "containerfiles/root.Containerfile": "# @base\nFROM ${BASE}\n" };
    expect(told({ ...files(), ...recipe, "flavors/one.yaml": "title: One\nrecipe: root\narches: [amd64]\n" })).toEqual([
      `flavors/one.yaml:3:10: ${where} containerfiles/root.Containerfile starts from it`,
    ]);
  });

  test("what the flavor asks for is not lost, and a marker copies nothing from outside of the context", () => {
    const flavor = (more: string) => ({ "flavors/one.yaml": yaml("Containerfile", more) });
    expect(said("x", flavor("groups: {a: {packages: [tree]}}\n"))).toEqual([
      "flavors/one.yaml:4:1: Containerfile has no place for `groups`",
    ]);
    expect(mistakes(files("x", flavor("args: {A: b}\n")))[0]).toContain(
      "expected: a line `# @run` in it, or the same as containerfile.args",
    );
    expect(said("x", { ...flavor(""), "overlays/one/etc/a": "" })).toEqual([
      "flavors/one.yaml:2:16: Containerfile has no place for overlays/one",
    ]);
    const copied = { Containerfile: `${text}COPY overlays/one/ /\n` };
    expect(said("x", { ...flavor(""), ...copied, "overlays/one/etc/a": "" })).toEqual([]);
    expect(said("{file: Containerfile, context: build_files}", { Containerfile: `${text}# @overlay\n` })).toEqual([
      "flavors/one.yaml:2:47: `# @overlay` in Containerfile copies from outside of the context build_files",
    ]);
  });
});

describe("what podman gets", () => {
  test("the file as it stands: what looks like a marker and is none is a comment, what is one is filled in", () => {
    const { of, one } = open();
    expect(expand(one, of)).toBe(text);
    const printed = builder.print(one, of);
    expect(printed.replace(/consistency=sha256:[0-9a-f]{64},/, "").replace("ARG SLIPWAY_STAGE_END=\n", "")).toBe(text);
    const marked = open("Containerfile", {
      Containerfile: `${text}# @units\n`,
      "flavors/one.yaml": yaml("Containerfile", "units: {enable: [a.service]}\n"),
    });
    expect(expand(marked.one, marked.of)).toBe(`${text}RUN systemctl enable \\\n    a.service\n`);
  });

  test("no pin is written into it", () => {
    const pinned = "ARG FROM_IMAGE=ghcr.io/a/b:1\nFROM ${FROM_IMAGE}\n";
    const pins = `ghcr.io/a/b:1 sha256:${"a".repeat(64)} 2026-11-28\n`;
    const { of, one } = open("Containerfile", { Containerfile: pinned, "containerfiles/pins": pins });
    expect(expand(one, of)).toBe(pinned);
  });

  test("up to its target, which is the last stage then", () => {
    const staged = "FROM a AS one\nRUN one\n\nFROM one AS two\nRUN two\nFROM b\nRUN three\n";
    const { of, one } = open("{file: Containerfile, target: TWO}", { Containerfile: staged });
    expect(expand(one, of)).toBe("FROM a AS one\nRUN one\n\nFROM one AS two\nRUN two");
    const wrong = open("{file: Containerfile, target: tow}", { Containerfile: staged });
    expect(() => expand(wrong.one, wrong.of)).toThrow("Containerfile:1:1: no stage is called tow; did you mean `two`?");
  });

  test("an argument that no ARG takes is a mistake, and so is another base than `from`", () => {
    const { of, one } = open("{file: Containerfile, args: {COLOR: blue}}");
    const lost = "no ARG is called COLOR, which containerfile.args sets; did you mean `COLOUR`?";
    expect(() => builder.print(one, of)).toThrow(lost);
    expect(() => builder.lint(one, of)).toThrow(lost);
    const on = (Containerfile: string) =>
      open("Containerfile", {
        "flavors/two.yaml": "title: Two\nfrom: one\ncontainerfile: two.Containerfile\narches: [amd64]\n",
        "two.Containerfile": Containerfile,
      }).of;
    const literal = on("FROM fedora:42\n");
    expect(() => builder.print(target(literal, "amd64", "two"), literal)).toThrow(
      "two.Containerfile:1:1: it is based on fedora:42, but flavors/two.yaml says `from: one`",
    );
    const itself = open("Containerfile", {
      Containerfile: "FROM registry.test/toys/toy-two:amd64\n",
      "flavors/two.yaml": yaml("two"),
      two: "FROM x\n",
    });
    expect(() => builder.print(itself.one, itself.of)).toThrow(
      "Containerfile:1:1: registry.test/toys/toy-two:amd64 is the family's flavor two",
    );
    const named = on("ARG BASE\nFROM ${BASE}\n");
    const draft = builder.read(target(named, "amd64", "two"), named)({ base: undefined, stamp: "", others: [] });
    expect(draft.args).toEqual({ BASE: "registry.test/toys/toy-one:amd64" });
  });

  test("a refresh builds every stage anew, unless the file says from where on", () => {
    const stamped = (Containerfile: string) => {
      const { of, one } = open("Containerfile", { Containerfile });
      return builder.read(one, of)({ base: undefined, stamp: "now", others: [] }).containerfile;
    };
    expect(stamped("FROM a\nRUN x\nFROM b\nRUN y\n")).toBe(
      "FROM a\nARG SLIPWAY_REFRESH=\nRUN x\nFROM b\nARG SLIPWAY_REFRESH=\nRUN y\n",
    );
    const own = "FROM a\nARG SLIPWAY_REFRESH\nRUN x\n";
    expect(stamped(own)).toBe(own);
  });
});

describe("images from outside", () => {
  const images = (Containerfile: string, given = {}) => {
    const { base, others, unknown } = outsideImages(parseContainerfile(linesOf(Containerfile)), given);
    return { base, others, unknown: unknown?.name };
  };

  test.each([
    ["FROM scratch\nCOPY a /\n", undefined, []],
    ["FROM quay.io/fedora/fedora-bootc:42\n", "quay.io/fedora/fedora-bootc:42", []],
    ["ARG V=42\nARG I=a.io/b:${V}\nFROM ${I} AS x\nFROM x\n", "a.io/b:42", []],
    ["FROM --platform=linux/amd64 a AS x\nFROM b\nCOPY --from=x /a /\nCOPY --from=c /c /\n", "b", ["a", "c"]],
    ["FROM a\nFROM b\nRUN --mount=type=bind,from=c,target=/x true\nCOPY --from=0 / /\n", "b", ["a", "c"]],
    ["FROM a AS tools\nFROM a\n", "a", []],
  ])("%j", (Containerfile, base, others) => {
    expect(images(Containerfile)).toEqual({ base, others, unknown: undefined });
  });

  test("arguments win; what is not known, or not podman's, is named", () => {
    expect(images("ARG I=a\nFROM ${I}\n", { I: "b" }).base).toBe("b");
    expect(images("ARG I\nFROM ${I}\n")).toEqual({ base: undefined, others: [], unknown: "${I}" });
    expect(images("FROM oci-archive:x.tar\n").unknown).toBe("oci-archive:x.tar");
    const { of, one } = open("Containerfile", { Containerfile: "ARG I\nFROM ${I}\n" });
    expect(builder.read(one, of)({ base: undefined, stamp: "", others: [] }).unknown).toBe(
      "built every time: the image `${I}` is not known before the build (Containerfile:2)",
    );
  });

  const image = (id: string): LocalImage => ({ id, digest: `sha256:${id}`, names: [], labels: {}, size: 0 });

  test("in podman's storage a short name is what podman takes for it", () => {
    const all = new Map(["localhost/mine:1", "registry.fedoraproject.org/fedora:42"].map((n) => [n, image(n)]));
    const found = (name: string) => localBase({ image: name }, all)?.name;
    expect(["mine:1", "localhost/mine:1", "fedora:42"].map(found)).toEqual([
      "localhost/mine:1",
      "localhost/mine:1",
      "registry.fedoraproject.org/fedora:42",
    ]);
    expect(["fedora", "other.test/fedora:42", "localhost/fedora:42", "ora:42"].map(found)).toEqual(
      Array(4).fill(undefined),
    );
  });

  test("the image's base is its label, and each of them is part of the key", () => {
    const { of, one } = open();
    const situation = { image: undefined, origin: { revision: undefined, epoch: 0 }, now: 0 };
    const options = { force: false, refresh: false, noCache: false };
    const base = { name: "ghcr.io/ublue-os/bluefin:stable", image: image("one") };
    const plan = (at: object) => planTarget(one, of, { base, ...situation, ...at }, options).job.labels;
    expect(plan({})).toMatchObject({
      "org.opencontainers.image.base.name": base.name,
      "org.opencontainers.image.base.digest": "sha256:one",
    });
    const keys = [{}, { base: { ...base, image: image("two") } }, { others: ["a"] }, { others: ["b"] }].map(
      (at) => plan(at)["org.slipway.key"],
    );
    expect(new Set(keys).size).toBe(4);
    const scratch = open("Containerfile", { Containerfile: "FROM scratch\n" });
    const labels = planTarget(scratch.one, scratch.of, { base: undefined, ...situation }, options).job.labels;
    expect(labels["org.slipway.key"]).toHaveLength(64);
    expect(labels).not.toHaveProperty("org.opencontainers.image.base.name");
  });
});

test("the key: the file, what it copies and mounts from its context, arguments, and not secrets or other files", () => {
  const own = (more = "") => `{file: Containerfile, context: src, args: {COLOUR: blue}${more}}`;
  const { root } = open(own(), { "src/build_files/build.sh": "true\n" });
  const key = () => {
    const of = family(root);
    const one = target(of, "amd64", "one");
    return inputKey(one, of, "", builder.read(one, of)({ base: undefined, stamp: "", others: [] }));
  };
  let before = key();
  const changes = (path: string, content: string) => {
    put(root, path, content);
    const changed = key() !== before;
    before = key();
    return changed;
  };
  expect(changes("build_files/build.sh", "beside the context")).toBe(false);
  expect(changes("src/beside", "x")).toBe(false);
  expect(changes("flavors/one.yaml", yaml(own(", secrets: {t: {env: T}}")))).toBe(false);
  expect(changes("src/build_files/build.sh", "other\n")).toBe(true);
  expect(changes("flavors/one.yaml", yaml(own().replace("blue", "green")))).toBe(true);
  expect(changes("src/.containerignore", "x\n")).toBe(true);
  expect(changes("Containerfile.containerignore", "x\n")).toBe(true);
  expect(changes("Containerfile", `${text}# more\n`)).toBe(true);
});

test("a secret is a name for podman, and its content is hidden in all that is shown", () => {
  const { of, one } = open("{file: Containerfile, secrets: {a: {env: OWN_UNIT_SECRET}, b: {file: secret}}}");
  expect(secretWords(one)).toEqual(["--secret", "id=a,env=OWN_UNIT_SECRET", "--secret", "id=b,src=secret"]);
  const failure = () => {
    try {
      hideSecretsOf(one, of);
      return "";
    } catch (error) {
      return (error as Failure).message;
    }
  };
  expect(failure()).toEndWith("the secret a is not there: the variable OWN_UNIT_SECRET is not set");
  process.env.OWN_UNIT_SECRET = "from-the-variable";
  expect(failure()).toEndWith("the secret b is not there: secret: ENOENT");
  put(of.root, "secret", "from-the-file\n");
  expect(failure()).toBe("");
  delete process.env.OWN_UNIT_SECRET;
  expect(hideSecrets("from-the-variable from-the-file")).toBe("*** ***");
});

test("rules about how our recipes are written do not hold for it, rules about images do", () => {
  const found = (Containerfile: string, more = "") => {
    const { of, one } = open("x", { Containerfile, "flavors/one.yaml": yaml("Containerfile", more) });
    return builder.lint(one, of).map(({ check, file, line }) => [check, file, line]);
  };
  expect(found(text, "bootc: true\n")).toEqual([]);
  const free = `FROM a:1
RUN dnf install -y tree && curl https://a.test/x && apt-get install x
ADD https://a.test/x /x
COPY <<EOF /etc/x
text
EOF
RUN --mount=type=tmpfs,target=/tmp a && \\
    bootc container lint
`;
  expect(found(free, "bootc: true\n")).toEqual([]);
  const secret = `title: One\ncontainerfile: {file: Containerfile, secrets: {t: {file: keys/token}}}\narches: [amd64]\n`;
  const copied = (instruction: string, more: Files = {}) => {
    const Containerfile = `FROM a:1\nRUN --mount=type=secret,id=t true\n${instruction}\n`;
    const { of, one } = open("x", { Containerfile, "flavors/one.yaml": secret, "keys/token": "x", ...more });
    return builder.lint(one, of).map(({ check, line }) => [check, line]);
  };
  expect(copied("COPY build_files /x")).toEqual([]);
  for (const sources of [".", "keys/", "keys/token", "*"])
    expect(copied(`COPY ${sources} /x`)).toEqual([["secret-copied", 3]]);
  expect(copied("COPY . /x", { ".containerignore": "keys\n" })).toEqual([]);
  expect(copied("COPY . /x", { ".containerignore": "keys\n!keys/token\n" })).toEqual([["secret-copied", 3]]);
  // the key that signs images needs no entry: whoever pulls the image would have it
  const key = (instruction: string, more: Files = {}) => {
    const { of, one } = open("Containerfile", {
      Containerfile: `FROM a:1\n${instruction}\n`,
      "cosign.key": "x",
      ...more,
    });
    const file = parseContainerfile(linesOf(`FROM a:1\n${instruction}\n`));
    const refused = () => refuseCopiedKey({ target: one, family: of, ...file });
    return { found: builder.lint(one, of).map(({ check }) => check), refused };
  };
  for (const list of ["", "*.key\n!cosign.key\n", "keys/*.key\n"]) {
    const { found: checks, refused } = key("COPY . /x", { ".containerignore": list });
    expect(checks).toEqual(["secret-copied"]);
    expect(refused).toThrow("COPY takes the private key cosign.key into the image: Containerfile");
  }
  for (const list of ["*.key", "**/*.key", "/cosign.key\n", ".git\n!.slipway/context\n*.key\n"]) {
    const { found: checks, refused } = key("COPY . /x", { ".containerignore": list });
    expect([checks, refused]).toEqual([[], expect.any(Function)]);
    expect(refused).not.toThrow();
  }
  expect(key("COPY build_files /x").refused).not.toThrow();
  expect(found("FROM fedora\nARG API_TOKEN\nCOPY nothing /x\nRUN touch /opt/x\nUSER me\n", "bootc: true\n")).toEqual([
    ["secret-in-image", "Containerfile", 2],
    ["base-without-tag", "Containerfile", 1],
    ["forbidden-place", "Containerfile", 4],
    ["copy-of-nothing", "Containerfile", 3],
    ["not-root-at-the-end", "Containerfile", 5],
    ["lint-not-last", "Containerfile", 4],
  ]);
});

test("an arch's architecture is what it says, else its name, else this machine's", () => {
  const of = (name: string, architecture?: string) => architectureOf({ name, architecture } as unknown as Arch, "x64");
  expect([of("arm64"), of("aarch64"), of("x86_64"), of("znver4"), of("board", "arm64")]).toEqual([
    "arm64",
    "arm64",
    "amd64",
    "amd64",
    "arm64",
  ]);
});

test.each([
  ["*.key", "cosign.key", true],
  ["*.key", "keys/cosign.key", false],
  ["**/*.key", "keys/cosign.key", true],
  ["**/*.key", "cosign.key", true],
  ["keys", "keys/cosign.key", true],
  ["keys/\n!keys/cosign.key", "keys/cosign.key", false],
  ["!keys\nkeys", "keys/cosign.key", true],
  ["# keys\n\n", "keys/cosign.key", false],
  ["*\n!site", "cosign.key", true],
])("a list of left out files: %j and %s", (list, path, out) => expect(leavesOut(list, path)).toBe(out));
