import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { containerfileChecks } from "../../lib/builders/containerfile/checks.ts";
import { imageStages, parseContainerfile } from "../../lib/builders/containerfile/instructions.ts";
import { lintContainerfile } from "../../lib/builders/containerfile/lint.ts";
import type { Finding } from "../../lib/builders/lint/finding.ts";
import { parseBootcLint } from "../../lib/builders/lint/image-lint.ts";
import { planLint } from "../../lib/builders/lint/lint.ts";
import { listChecks } from "../../lib/builders/lint/list.ts";
import { overlayFiles } from "../../lib/builders/lint/overlay-lint.ts";
import { earlyReaders } from "../../lib/builders/lint/pipe-lint.ts";
import { policies } from "../../lib/builders/lint/policy-files.ts";
import { readmeRows } from "../../lib/builders/lint/readme-lint.ts";
import { collect } from "../../lib/builders/lint/report.ts";
import { kindOf, shippedFiles } from "../../lib/builders/lint/shell-files.ts";
import { parseShellcheck } from "../../lib/builders/lint/shell-lint.ts";
import { parseVerify } from "../../lib/builders/lint/unit-lint.ts";
import { smokeChecks } from "../../lib/vm/smoke/checks.ts";
import { checkout } from "../support/sandbox.ts";
import { type Files, family, project, removeProjects, small, target } from "../support/small-family.ts";

afterAll(removeProjects);

describe("what bootc container lint says", () => {
  test("failures, warnings, what goes on in the next lines, and how many passed", () => {
    const said = `Failed lint: etc-usretc: Found /usr/etc - this is a bootc implementation detail and not supported to use in containers
Lint warning: var-tmpfiles: Found content in /var missing systemd tmpfiles.d entries:
  d /var/lib/foo 0755 root root - -
  d /var/lib/bar 0755 root root - -

Checks passed: 11
Checks skipped: 1
Warnings: 1
error: Linting: Checks failed: 1
`;
    expect(parseBootcLint(said)).toEqual({
      failed: [
        {
          name: "etc-usretc",
          message: "Found /usr/etc - this is a bootc implementation detail and not supported to use in containers",
        },
      ],
      warnings: [
        {
          name: "var-tmpfiles",
          message:
            "Found content in /var missing systemd tmpfiles.d entries: d /var/lib/foo 0755 root root - - d /var/lib/bar 0755 root root - -",
        },
      ],
      passed: 11,
    });
  });

  test("all is well", () => {
    expect(parseBootcLint("Checks passed: 12\n")).toEqual({ failed: [], warnings: [], passed: 12 });
  });

  test("something else is no result", () => {
    expect(parseBootcLint("thread 'main' panicked\n")).toEqual({ failed: [], warnings: [], passed: undefined });
  });
});

test("what shellcheck says", () => {
  const json = JSON.stringify([
    {
      file: "a/b",
      line: 3,
      endLine: 3,
      column: 6,
      endColumn: 8,
      level: "info",
      code: 2086,
      message: "Double quote",
      fix: null,
    },
    {
      file: "/p/c",
      line: 1,
      endLine: 1,
      column: 1,
      endColumn: 1,
      level: "error",
      code: 1073,
      message: "Broken",
      fix: null,
    },
  ]);
  expect(parseShellcheck(json, "/p")).toEqual([
    {
      check: "shellcheck",
      severity: "note",
      file: "a/b",
      line: 3,
      column: 6,
      message: "Double quote (SC2086)",
      next: "https://www.shellcheck.net/wiki/SC2086",
    },
    {
      check: "shellcheck",
      severity: "error",
      file: "c",
      line: 1,
      column: 1,
      message: "Broken (SC1073)",
      next: "https://www.shellcheck.net/wiki/SC1073",
    },
  ]);
  expect(() => parseShellcheck('{"comments": []}', "/p")).toThrow("not known here");
  expect(() => parseShellcheck("oops", "/p")).toThrow();
});

test("what systemd-analyze verify says of lines in shipped files, and not of the machine", () => {
  const said = `/p/overlays/x.service:3: Unknown key 'Afterr' in section [Unit], ignoring.
/usr/lib/systemd/system/other.service:5: something
x.service: Command /usr/libexec/x is not executable: No such file or directory
`;
  expect(parseVerify(said, "/p", ["overlays/x.service"])).toEqual([
    {
      check: "unit-file",
      severity: "error",
      file: "overlays/x.service",
      line: 3,
      column: 1,
      message: "Unknown key 'Afterr' in section [Unit], ignoring.",
    },
  ]);
});

describe("the kind of a file", () => {
  test.each<[string, string, object | undefined]>([
    ["/run", "#!/bin/sh", { kind: "sh", unnamed: false }],
    ["/x", "#! /usr/bin/env bash", { kind: "bash", unnamed: false }],
    ["/x", "#!/bin/bash -eu", { kind: "bash", unnamed: false }],
    ["/x", "#!/usr/bin/env -S fish --no-config", { kind: "fish", unnamed: false }],
    ["/x.sh", "#!/usr/bin/python3", undefined],
    ["/etc/profile.d/x.sh", "# something", { kind: "sh", unnamed: true }],
    ["/etc/profile.d/x.sh", "# shellcheck shell=bash", { kind: "sh", unnamed: false }],
    ["/etc/skel/.bashrc", "", { kind: "bash", unnamed: true }],
    ["/etc/skel/.bashrc.d/10-x.sh", "", { kind: "bash", unnamed: true }],
    ["/etc/zsh/zshrc", "", { kind: "zsh", unnamed: true }],
    ["/usr/share/fish/vendor_conf.d/x.fish", "", { kind: "fish", unnamed: true }],
    ["/etc/docker/daemon.json", "{", { kind: "json", unnamed: true }],
    ["/usr/lib/systemd/system/x.service", "[Unit]", { kind: "unit", unnamed: true }],
    ["/usr/lib/systemd/system/x.service.d/10.conf", "[Unit]", undefined],
    ["/etc/hosts", "127.0.0.1", undefined],
  ])("%s with the first line %p", (path, line, kind) => {
    expect(kindOf(path, line)).toEqual(kind as never);
  });

  test("all that is shipped is found: helpers, overlays that are asked for, run and .ci/run", () => {
    const own = shippedFiles(checkout, []).map((f) => f.file);
    for (const file of ["run", ".ci/run", "containerfiles/helpers/group", "containerfiles/helpers/pm-apt.sh"])
      expect(own).toContain(file);
    expect(own.filter((file) => file.startsWith("overlays/"))).toEqual([]);
    const root = project({
      "overlays/one/etc/zsh/zshrc": "",
      "overlays/one/usr/libexec/one/setup": "#!/bin/sh\n",
      "overlays/two/etc/profile.d/two.sh": "",
    });
    expect(shippedFiles(root, ["one"]).map((f) => f.file)).toEqual([
      "overlays/one/etc/zsh/zshrc",
      "overlays/one/usr/libexec/one/setup",
      "containerfiles/helpers/polish",
    ]);
  });
});

describe("reading a Containerfile", () => {
  const lines = (text: string) => text.split("\n").map((t, i) => ({ text: t, line: i + 1 }));

  test("continuations are joined, comments between them go, lines are counted", () => {
    const { instructions, globals } = parseContainerfile(
      lines("ARG A=1 C='2 3'\nARG B\n# c\nFROM ${A} AS x\nrun one \\\n  # why\n  two\n\nCOPY a b\n"),
    );
    expect(instructions.map(({ keyword, line, stage }) => [keyword, line, stage])).toEqual([
      ["ARG", 1, -1],
      ["ARG", 2, -1],
      ["FROM", 4, 0],
      ["RUN", 5, 0],
      ["COPY", 9, 0],
    ]);
    expect(instructions[3]?.text.split(/\s+/)).toEqual(["one", "two"]);
    expect([...globals]).toEqual([
      ["A", "1"],
      ["C", "'2 3'"],
      ["B", undefined],
    ]);
  });

  test("the stages whose files are in the image", () => {
    const text = "ARG B=x:1\nFROM ${B} AS a\nFROM a AS b\nFROM ${B} AS c\nFROM b\n";
    expect(imageStages(parseContainerfile(lines(text)))).toEqual([3, 1, 0]);
  });
});

describe("checks of an expanded Containerfile", () => {
  const bootc = "title: One\nrecipe: root\narches: [best, plain]\nbootc: true\ngroups: {a: {packages: [x]}}\n";
  const of = family(project({ "flavors/one.yaml": bootc, "overlays/one/etc/x": "" }));
  const t = target(of, "best", "one");
  const good = ["ARG BASE=registry.test/base:1", "FROM ${BASE} AS h", "COPY overlays/one/ /o/", "FROM ${BASE}"];
  const key = "COPY toy.pub /etc/pki/containers/toy.pub";
  const end = "RUN bootc container lint";
  const look = (...lines: string[]) =>
    lintContainerfile(
      t,
      of,
      lines.map((text, i) => ({ text, line: i + 1 })),
    ).map((f) => `${f.line} ${f.check}: ${f.message}`);
  /** A good file with these lines in its last stage. */
  const within = (...lines: string[]) => look(...good, key, ...lines, end);

  test("a good one", () => {
    expect(within("RUN /usr/libexec/slipway/group a weekly -- x", "COPY --from=h /o/ /")).toEqual([]);
  });

  test.each<[string, string]>([
    ["ARG GITHUB_TOKEN=", "6 secret-in-image: ARG GITHUB_TOKEN"],
    ["ENV A=1 DB_PASSWORD=x", "6 secret-in-image: ENV DB_PASSWORD"],
    ["ENV API_KEY x", "6 secret-in-image: ENV API_KEY"],
    ["RUN helper https://example.org/x.tar", "6 address-inline: https://example.org/x.tar"],
    ["RUN gpg --keyserver hkps://keys.example.org", "6 address-inline: hkps://keys.example.org"],
    ["COPY --from=docker.io/a/b:1 /x /y", "6 from-unknown: COPY takes from docker.io/a/b:1"],
    ["RUN --mount=type=bind,from=later,target=/x true", "6 from-unknown: RUN takes from later"],
    ["COPY --from=${NOT} /x /y", "6 from-unknown: COPY takes from ${NOT}"],
    ["RUN mkdir -p /opt/app", "6 forbidden-place: RUN writes to /opt: mkdir -p /opt/app"],
    ["RUN true && echo x >/usr/etc/x", "6 forbidden-place: RUN writes to /usr/etc: echo x >/usr/etc/x"],
    [
      "RUN /usr/libexec/slipway/write /opt/x 'a'",
      "6 forbidden-place: RUN writes to /opt: /usr/libexec/slipway/write /opt/x",
    ],
    ["COPY toy.pub /var/swap/x", "6 forbidden-place: COPY to /var/swap"],
    ["RUN pacman -Syu --noconfirm tree", "6 install-outside-group: pacman -Syu --noconfirm tree"],
    ["RUN true; apt-get install -y tree", "6 install-outside-group: apt-get install -y tree"],
    ["RUN dnf -y install tree", "6 install-outside-group: dnf -y install tree"],
    ["RUN dnf5 upgrade", "6 install-outside-group: dnf5 upgrade"],
    ["RUN cat <<EOF >/x", "6 heredoc: <<EOF"],
    ["COPY nothing /x", "6 copy-of-nothing: nothing"],
    ["USER joe", "6 not-root-at-the-end: USER joe"],
  ])("%s", (line, finding) => {
    expect(within(line)).toEqual([finding]);
  });

  test.each([
    "ENV KEYBOARD=de SSH_KEYSIGN=x",
    "ARG KEYSERVER=hkps://keys.example.org",
    "# RUN curl https://example.org",
    "RUN rm -rf /usr/etc /opt/*",
    "RUN [ -e /opt/x ] || true",
    "RUN ls /usr/lib/opt && mkdir /usr/lib/opt/x",
    "RUN /usr/libexec/slipway/write /etc/x 'What=/opt' 'a /usr/etc b'",
    "RUN cat <<<word",
    "RUN pacman -Q tree",
    "COPY toy.p* /x",
    "USER 0:0",
  ])("%s is nothing to find", (line) => {
    expect(within(line)).toEqual([]);
  });

  test("ADD of an address", () => {
    expect(within("ADD https://example.org/x /x")).toEqual([
      "6 address-inline: https://example.org/x",
      "6 add-address: https://example.org/x",
    ]);
  });

  test("FROM something that is written there, a base without a tag", () => {
    expect(look("FROM docker.io/a/b:1", key, end)).toEqual(["1 from-unknown: FROM takes from docker.io/a/b:1"]);
    expect(look("ARG BASE=registry.test:5000/base", "FROM ${BASE}", key, end)).toEqual([
      "1 base-without-tag: ARG BASE=registry.test:5000/base",
    ]);
  });

  test("a stage that comes later is not known yet", () => {
    expect(look("ARG BASE=b:1", "FROM ${BASE}", "COPY --from=b /x /y", "FROM ${BASE} AS b", key, end)).toEqual([
      "3 from-unknown: COPY takes from b",
    ]);
  });

  test("a place that only a stage for tools writes to is its own matter", () => {
    expect(
      look(good[0] ?? "", "FROM ${BASE} AS h", "RUN mkdir /opt/x", "RUN pacman -S gcc", "FROM ${BASE}", key, end),
    ).toEqual([]);
  });

  test("no key, and a lint that is not the last", () => {
    expect(look(...good, end, "RUN true")).toEqual([
      "undefined image-without-key: nothing is copied to /etc/pki/containers/toy.pub",
      "6 lint-not-last: the last step is RUN true",
    ]);
    expect(look(...good, key, end, "LABEL a=b")).toEqual([]);
  });

  test("a finding stands at the recipe's line, with the rule as what to do", () => {
    const recipe = `${small["containerfiles/root.Containerfile"]?.replace("# @upgrade", "# @upgrade\nRUN curl https://a.example")}`;
    const other = family(project({ "flavors/one.yaml": bootc, "containerfiles/root.Containerfile": recipe }));
    expect(lintContainerfile(target(other, "best", "one"), other)).toEqual([
      {
        check: "address-inline",
        severity: "error",
        file: "containerfiles/root.Containerfile",
        line: 9,
        column: 1,
        targets: ["registry.test/toys/toy-one:best"],
        message: "https://a.example",
        next: "an outside address is an ARG with the real one as default, so that a mirror can take its place",
      },
    ]);
  });

  test("each has a name of its own and a sentence", () => {
    expect(new Set(containerfileChecks.map((c) => c.name)).size).toBe(containerfileChecks.length);
    for (const { sentence } of containerfileChecks) expect(sentence.length).toBeGreaterThan(20);
  });
});

test("the same finding in several targets is reported once, about all of them, in the order of files and lines", () => {
  const finding = (file: string, line: number, target: string): Finding => ({
    check: "c",
    severity: "error",
    file,
    line,
    targets: [target],
    message: "m",
  });
  const image = (target: string): Finding => ({ check: "c", severity: "error", targets: [target], message: "m" });
  const all = [
    finding("b", 1, "x"),
    finding("a", 9, "x"),
    finding("a", 2, "x"),
    finding("a", 9, "y"),
    image("x"),
    image("y"),
  ];
  expect(collect(all).map((f) => [f.file, f.line, f.targets])).toEqual([
    ["a", 2, ["x"]],
    ["a", 9, ["x", "y"]],
    ["b", 1, ["x"]],
    [undefined, undefined, ["x"]],
    [undefined, undefined, ["y"]],
  ]);
});

test("a flavor that README.md has no row for is a note, and only where it is asked for", async () => {
  const row = (name: string) => `| [\`${name}\`](flavors/${name}.yaml) | ${name} |\n`;
  const readme = (rows: string) => ({ "README.md": `<!-- targets: here -->\n${rows}<!-- end of targets -->\n` });
  const look = async (files: Files, ...names: string[]) => {
    const of = family(project(files));
    return readmeRows(
      names.map((name) => target(of, "best", name)),
      of,
    );
  };
  expect(await look(readme(row("one")), "one", "two")).toEqual({
    findings: [
      {
        check: "readme",
        severity: "note",
        targets: ["registry.test/toys/toy-two:best"],
        message: "README.md has no row for flavor two",
        next: "bun run readme",
      },
    ],
  });
  for (const files of [readme(row("one")), readme(row("one") + row("two")), { "README.md": "# Toys\n" }, {}])
    expect(await look(files, "one")).toEqual({ findings: [] });
  expect(await look(readme(row("one") + row("two")), "one", "two")).toEqual({ findings: [] });
});

describe("what a machine could not start, and marks before a text", () => {
  const unit = (...lines: string[]) => ["[Unit]", "Description=x", "[Service]", ...lines, ""].join("\n");
  const sh = "#!/bin/sh\n";
  const system = "usr/lib/systemd/system";
  const enable = (name: string) => ({
    "flavors/one.yaml": `${small["flavors/one.yaml"]}units:\n  enable:\n    - ${name}\n`,
  });
  /** @param executable files of the overlay that have the right. */
  const look = async (overlay: Files, executable: string[] = [], more: Files = {}) => {
    const placed = Object.entries(overlay).map(([path, text]) => [`overlays/one/${path}`, text]);
    const root = project({ ...Object.fromEntries(placed), ...more });
    for (const path of executable) chmodSync(join(root, "overlays/one", path), 0o755);
    const of = family(root);
    const outcome = await overlayFiles([target(of, "best", "two")], of);
    return "findings" in outcome
      ? outcome.findings.map(
          (f) => `${f.severity} ${f.file?.replace("overlays/one/", "")}:${f.line}:${f.column}: ${f.message}`,
        )
      : [];
  };

  test("programs", async () => {
    const files = {
      ...{ "usr/bin/a": "text", "usr/bin/b": sh, "usr/bin/link": "-> /usr/bin/nowhere", "usr/libexec/x/data": "text" },
      ...{ "usr/libexec/x/run": sh, "etc/cron.daily/c": sh, "etc/profile.d/x.sh": sh },
    };
    const lacks = (path: string) => `error ${path}:1:1: a program that nobody may execute`;
    expect(await look(files)).toEqual(["etc/cron.daily/c", "usr/bin/a", "usr/bin/b", "usr/libexec/x/run"].map(lacks));
    expect(await look(files, ["usr/bin/a", "usr/bin/b", "usr/libexec/x/run", "etc/cron.daily/c"])).toEqual([]);
    const modes = `${small["flavors/one.yaml"]}modes: {/usr/bin/b: "0755"}\n`;
    expect(await look({ "usr/bin/b": sh }, [], { "flavors/one.yaml": modes })).toEqual([]);
  });

  test("programs that a unit starts", async () => {
    const service = unit(
      "ExecStartPre=-/usr/lib/x/worker --now",
      "ExecStart=/bin/run",
      "ExecStop=/usr/lib/x/workre",
      "ExecReload=/usr/bin/kill 1",
    );
    const files = { [`${system}/a.service`]: service, "usr/lib/x/worker": "ELF", "usr/bin/run": sh };
    expect(await look(files)).toEqual([
      "error usr/bin/run:1:1: a program that nobody may execute",
      `error ${system}/a.service:4:15: /usr/lib/x/worker is not executable`,
      `warning ${system}/a.service:6:10: no overlay has /usr/lib/x/workre; did you mean /usr/lib/x/worker?`,
    ]);
    const dropIn = {
      "etc/systemd/system/b.service.d/10.conf": "[Service]\nExecStart=\nExecStart=@/usr/lib/x/work x\n",
    };
    expect(await look({ ...dropIn, "usr/lib/x/work": "ELF" })).toEqual([
      "error etc/systemd/system/b.service.d/10.conf:3:12: /usr/lib/x/work is not executable",
    ]);
  });

  test("units that are enabled", async () => {
    const wants = "etc/systemd/system/multi-user.target.wants";
    const files = {
      [`${wants}/a.service`]: "-> ../a.service",
      [`${wants}/sshd.service`]: "-> /usr/lib/systemd/system/sshd.service",
      [`${wants}/b@1.service`]: "-> ../b@1.service",
      "etc/systemd/system/b@.service": unit("ExecStart=true"),
    };
    expect(await look(files)).toEqual([
      `warning ${wants}/a.service:1:1: this enables a unit that no overlay has: /etc/systemd/system/a.service`,
    ]);
    const own = { [`${system}/toy-setup.service`]: unit("ExecStart=true") };
    expect(await look(own, [], enable("toy-setpu.service"))).toEqual([
      "warning flavors/one.yaml:6:7: no overlay has toy-setpu.service; did you mean toy-setup.service?",
    ]);
    for (const name of ["toy-setup.service", "cups.service"]) expect(await look(own, [], enable(name))).toEqual([]);
  });

  test("a byte order mark", async () => {
    const files = {
      ...{ "etc/a.conf": "\ufeffx = 1\n", "usr/bin/s": `\ufeff${sh}`, "usr/share/x/data.csv": "\ufeffa,b\n" },
      ...{ [`${system}/a.service`]: `\ufeff${unit("ExecStart=true")}` },
    };
    const more = {
      "flavors/two.yaml": `\ufeff${small["flavors/two.yaml"]}`,
      "containerfiles/helpers/polish": `\ufeff${sh}`,
    };
    expect(await look(files, ["usr/bin/s"], more)).toEqual([
      "warning etc/a.conf:1:1: a byte order mark of UTF-8 at the beginning",
      "error usr/bin/s:1:1: a byte order mark before `#!`: Linux does not run this script",
      `warning ${system}/a.service:1:1: a byte order mark of UTF-8 at the beginning`,
      "warning flavors/two.yaml:1:1: a byte order mark of UTF-8 at the beginning",
      "error containerfiles/helpers/polish:1:1: a byte order mark before `#!`: Linux does not run this script",
    ]);
  });
});

describe("a reader that stops before the end of its pipe", () => {
  const found = (text: string) =>
    earlyReaders("helper", text).map((f) => `${f.line}:${f.column} ${f.message.split("`")[1]}`);
  const strict = "#!/bin/bash\nset -euo pipefail\n";

  test.each([
    ["pacman -Qu | grep -q keyring", "3:14 grep -q"],
    ["if a | b | grep -xqF -- x; then", "3:12 grep -xqF"],
    ["a |\n    grep --quiet x", "4:5 grep --quiet"],
    ["a | \\\n    grep -m1 x", "4:5 grep -m1"],
    ["a |& grep x -q", "3:6 grep -q"],
    ["x=$(sed p file | head -n 1)", "3:18 head"],
  ])("%s", (line, at) => expect(found(strict + line)).toEqual([at]));

  test("is none where all is read, where there is no pipe, or in a comment", () => {
    for (const line of [
      "a | grep x >/dev/null",
      "[[ $x =~ ^(a|head)$ ]] && b",
      "grep -E 'a|head' file",
      'sed "s|head|x|" file',
      "    body|head) c ;;",
      "grep -q x file || b",
      "a || grep -q x file",
      'grep -q x <<<"$said"',
      "# a | grep -q x",
      "a | grep -e m -e q",
      "a | grep -- -q",
      "a | header",
    ])
      expect([line, found(strict + line)]).toEqual([line, []]);
  });

  test("head does harm with pipefail only, as in a file that others source", () => {
    expect(found("#!/bin/sh\nset -eu\na | head -n 1\n")).toEqual([]);
    expect(found("# shellcheck shell=bash\na | head -n 1\n")).toEqual(["2:5 head"]);
  });

  test("none of our own scripts has one", () => {
    const files = shippedFiles(checkout, readdirSync(join(checkout, "overlays"))).filter((f) =>
      /^(ba)?sh$/.test(f.kind),
    );
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap(({ file }) => earlyReaders(file, readFileSync(join(checkout, file), "utf8")))).toEqual([]);
  });
});

test("lint --list names each check once, and every step of a run is on it", () => {
  const all = listChecks(smokeChecks);
  expect(new Set(all.map(({ part, name }) => `${part} ${name}`)).size).toBe(all.length);
  for (const { name, sentence } of all) {
    expect(name).toMatch(/^[a-z-]+$/);
    expect(sentence).toMatch(/^\S.*[^.]$/);
  }
  const of = family(project());
  const one = target(of, "best", "one");
  const image = { id: "1", digest: "", names: [], labels: {}, size: 1 };
  const steps = planLint([one], of, new Map([[one.reference, image]])).steps.map(({ id }) => id.split(" ")[0] ?? "");
  expect(steps.length).toBeGreaterThan(12);
  expect(steps.filter((step) => !all.some(({ name }) => name === step))).toEqual([]);
});

test("images that are not built are reported as skipped, with what to do", () => {
  const of = family(project());
  const plan = planLint([target(of, "best", "two")], of, new Map());
  expect(plan.skipped).toEqual([
    { check: "image registry.test/toys/toy-two:best", why: "it is not built: bun run build best two" },
  ]);
  expect(plan.steps.map((s) => s.id)).toEqual([
    "shellcheck",
    "early-reader",
    "zsh-syntax",
    "fish-syntax",
    "data-syntax",
    "unit-file",
    "overlay",
    "policy",
    "recipe",
    "readme",
  ]);
  const blind = planLint([target(of, "best", "two")], of, undefined);
  expect(blind.skipped[0]?.why).toBe("podman does not answer: bun run doctor");
});

test("no shipped file that leads elsewhere or never ends is read", async () => {
  const root = project({
    "overlays/one/etc/containers/policy.json": "-> /dev/zero",
    "overlays/one/etc/containers/registries.d/x.yaml": "-> /dev/zero",
    "README.md": "-> /dev/zero",
  });
  const of = family(root);
  const found = await policies(of, new Set(["one"]));
  expect("findings" in found && found.findings.map((f) => f.file)).toContain("overlays/one/etc/containers/policy.json");
  expect(await readmeRows([target(of, "plain", "one")], of)).toEqual({
    skipped: "README.md: it leads out of the project",
  });
});
