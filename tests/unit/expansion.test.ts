import { afterAll, describe, expect, test } from "bun:test";
import { baseImageName, baseReference } from "../../lib/builders/base-name.ts";
import { labelLines } from "../../lib/builders/containerfile/containerfile.ts";
import { expand, generatedFiles } from "../../lib/builders/containerfile/expand.ts";
import { imageLabels } from "../../lib/builders/labels.ts";
import { Failure } from "../../lib/system/errors.ts";
import { family, project, removeProjects, small, target } from "../support/small-family.ts";

// What podman gets, letter by letter.

afterAll(removeProjects);

const full = `${small["flavors/one.yaml"]}
groups:
  fonts: {interval: yearly, packages: [font-a, font-b]}
  drivers:
    interval: daily
    replace: {mesa: mesa-git, lib32-mesa: lib32-mesa-git}
    packages: [vulkan]
aur: {interval: monthly, packages: [app-bin, tool-git]}
args: {REPO: "https://example.org/a", ODD: "it's $5 \\\\ \\"x\\""}
run: [polish]
finish: [polish]
units:
  enable: [a.service, 'dev-disk\\x2dby.swap']
  disable: [b.timer]
  mask: [c.socket]
  user-enable: [d.service]
kargs: [quiet, "name=it's"]
sysctl: {vm.swappiness: 40, kernel.core_pattern: "|/bin/false 'x'"}
suid: [/usr/bin/su, /usr/bin/sudo]
modes: {/etc/sudoers.d: "0750"}
`;

const policy = `  && /usr/libexec/slipway/write /etc/containers/policy.json \\
    '{' \\
    ' "default": [' \\
    '  {' \\
    '   "type": "reject"' \\
    '  }' \\
    ' ],' \\
    ' "transports": {' \\
    '  "docker": {' \\
    '   "registry.test/toys": [' \\
    '    {' \\
    '     "type": "sigstoreSigned",' \\
    '     "keyPath": "/etc/pki/containers/toy.pub",' \\
    '     "signedIdentity": {' \\
    '      "type": "matchRepository"' \\
    '     }' \\
    '    }' \\
    '   ]' \\
    '  },' \\
${["containers-storage", "oci", "oci-archive", "dir", "docker-archive", "docker-daemon", "tarball"]
  .map(
    (name, i, all) =>
      `    '  "${name}": {' \\\n    '   "": [' \\\n    '    {' \\\n    '     "type": "insecureAcceptAnything"' \\\n    '    }' \\\n    '   ]' \\\n    '  }${i < all.length - 1 ? "," : ""}' \\`,
  )
  .join("\n")}
    ' }' \\
    '}' \\
  && /usr/libexec/slipway/write /etc/containers/registries.d/toy.yaml \\
    'docker:' \\
    '  registry.test/toys:' \\
    '    use-sigstore-attachments: true'
COPY toy.pub /etc/pki/containers/toy.pub`;

test("a package of the AUR that cannot be built is kept, where the flavor or its base says so", () => {
  const keep = full.replace("aur: {", "aur: {onFailure: keep, ");
  const of = family(project({ "flavors/one.yaml": keep }));
  const lines = (arch: string, flavor: string) => expand(target(of, arch, flavor), of).split("\n");
  expect(lines("best", "one").filter((line) => line.includes("aur-build") || line.includes("AUR_"))).toEqual([
    "RUN /usr/libexec/slipway/aur-build app-bin",
    "RUN /usr/libexec/slipway/aur-build tool-git",
    "ARG AUR_ON_FAILURE=keep",
  ]);
});

test("a flavor with everything", () => {
  const top = `${small["flavors/family.yaml"]}openRegistries: []\n`;
  const of = family(project({ "flavors/family.yaml": top, "flavors/one.yaml": full, "overlays/one/etc/x": "" }));
  expect(expand(target(of, "plain", "one"), of)).toBe(`ARG BASE=docker.io/library/debian:trixie
FROM \${BASE}
RUN /usr/libexec/slipway/arch-setup
RUN /usr/libexec/slipway/aur-build app-bin
RUN /usr/libexec/slipway/aur-build tool-git
RUN /usr/libexec/slipway/group fonts yearly -- \\
    font-a font-b
RUN /usr/libexec/slipway/group drivers daily --replace mesa=mesa-git --replace lib32-mesa=lib32-mesa-git -- \\
    vulkan
RUN --mount=type=bind,from=aur,source=/aur,target=/run/aur /usr/libexec/slipway/group aur monthly --files /run/aur -- \\
    app-bin tool-git
ARG REPO=https://example.org/a
ARG ODD='it'\\''s $5 \\ "x"'
RUN /usr/libexec/slipway/polish
ARG SLIPWAY_REFRESH=
RUN /usr/libexec/slipway/upgrade
COPY overlays/one/ /overlay/
RUN /usr/libexec/slipway/write /usr/lib/bootc/kargs.d/90-toy-optimizations.toml \\
    'kargs = [' \\
    '  "quiet",' \\
    '  "name=it'\\''s",' \\
    ']' \\
  && /usr/libexec/slipway/write /usr/lib/sysctl.d/90-toy-one.conf \\
    'vm.swappiness = 40' \\
    'kernel.core_pattern = |/bin/false '\\''x'\\''' \\
  && /usr/libexec/slipway/write /usr/lib/systemd/system-preset/10-toy-one.preset \\
    'enable a.service' \\
    'enable dev-disk\\x2dby.swap' \\
    'disable b.timer' \\
${policy}
RUN systemctl enable \\
    a.service 'dev-disk\\x2dby.swap' \\
  && systemctl disable \\
    b.timer \\
  && systemctl mask \\
    c.socket \\
  && systemctl --global enable \\
    d.service
RUN for f in /usr/bin/su /usr/bin/sudo; do if [ -e "$f" ]; then chmod u+s "$f"; fi; done \\
  && chmod 0750 /etc/sudoers.d
RUN /usr/libexec/slipway/polish
RUN bootc container lint
`);
});

test("a flavor with nothing to say, on a base: markers vanish", () => {
  const of = family(project());
  expect(expand(target(of, "best", "two"), of)).toBe(`ARG BASE=registry.test/toys/toy-one:best
FROM \${BASE}
RUN mkdir -p /overlay
RUN bootc container lint
`);
});

test("what is based on a base has kernel arguments under its own name, and no second policy or key", () => {
  const of = family(project({ "flavors/two.yaml": `${small["flavors/two.yaml"]}kargs: [quiet]\n` }));
  expect(generatedFiles(target(of, "best", "two"), of)).toEqual([
    { path: "/usr/lib/bootc/kargs.d/90-toy-two.toml", lines: ["kargs = [", '  "quiet",', "]"] },
  ]);
});

test("the program of people's machines comes once, with all its names; what is based on a base has it from there", () => {
  const recipe = "# @base\nFROM ${BASE}\n# @program\n# @files\nRUN bootc container lint\n";
  const of = family(
    project({ "containerfiles/root.Containerfile": recipe, "containerfiles/desk.Containerfile": recipe }),
  );
  const names = "toy-update toy-install-flatpaks toy-migrate";
  expect(expand(target(of, "plain", "one"), of)).toContain(`FROM \${BASE}
COPY .slipway/context/program /usr/libexec/toy/program
RUN for name in ${names}; do ln -sf ../libexec/toy/program "/usr/bin/$name"; done
`);
  expect(expand(target(of, "best", "two"), of)).not.toContain("libexec/toy");
});

test("many packages take several lines of a readable width", () => {
  const names = Array.from({ length: 40 }, (_, i) => `package-number-${i}`);
  const of = family(
    project({ "flavors/one.yaml": `${small["flavors/one.yaml"]}groups: {a: {packages: [${names}]}}\n` }),
  );
  const [, lines = ""] = /-- \\\n([\s\S]*?)\nARG/.exec(expand(target(of, "plain", "one"), of)) ?? [];
  expect(lines.replaceAll("\\", "").split(/\s+/).filter(Boolean)).toEqual(names);
  expect(Math.max(...lines.split("\n").map((l) => l.length))).toBeLessThan(120);
  expect(
    lines
      .split("\n")
      .slice(0, -1)
      .every((l) => l.endsWith(" \\")),
  ).toBe(true);
});

test("files of another overlay come from there, one COPY a folder", () => {
  const two = `${small["flavors/two.yaml"]}shared: {one: [/etc/a, /etc/b, /usr/lib/c]}\n`;
  const files = ["etc/a", "etc/b", "usr/lib/c"].map((name) => [`overlays/one/${name}`, ""]);
  const of = family(project({ "flavors/two.yaml": two, ...Object.fromEntries(files) }));
  expect(expand(target(of, "best", "two"), of)).toContain(
    "RUN mkdir -p /overlay\nCOPY overlays/one/etc/a overlays/one/etc/b /overlay/etc/\nCOPY overlays/one/usr/lib/c /overlay/usr/lib/\n",
  );
});

describe("the base", () => {
  test("by its real name, with its tag", () => {
    const of = family(project());
    const bare = (image: string) => baseImageName({ image });
    expect(bare("docker.io/a/b")).toBe("docker.io/a/b:latest");
    expect(bare("localhost:5000/a/b")).toBe("localhost:5000/a/b:latest");
    expect(bare("docker.io/a/b:1")).toBe("docker.io/a/b:1");
    expect(bare("docker.io/a/b@sha256:12")).toBe("docker.io/a/b@sha256:12");
    expect(baseReference(target(of, "best", "one"), of)).toBe("registry.test/base/best:latest");
    expect(baseReference(target(of, "plain", "one"), of)).toBe("docker.io/library/debian:trixie");
    expect(baseReference(target(of, "best", "two"), of)).toBe("registry.test/toys/toy-one:best");
  });
});

test("a marker that does not exist: its place and the nearest one", () => {
  const of = family(project({ "containerfiles/root.Containerfile": "# @base\nFROM ${BASE}\n# @gruops\n# @files\n" }));
  expect(() => expand(target(of, "plain", "one"), of)).toThrow(Failure);
  const odd = family(project({ "containerfiles/root.Containerfile": "# @base\n# @constructor\n# @files\n" }));
  expect(() => expand(target(odd, "plain", "one"), odd)).toThrow("unknown marker @constructor");
  expect(() => expand(target(of, "plain", "one"), of)).toThrow(
    "containerfiles/root.Containerfile:3:1: unknown marker @gruops; did you mean `groups`?",
  );
});

test("labels say what it is, where people read more, and who publishes it", () => {
  const of = (more: string) => {
    const all = family(project({ "flavors/family.yaml": `${small["flavors/family.yaml"]}${more}` }));
    const base = { name: "b", digest: undefined };
    const labels = imageLabels(target(all, "best", "one"), all, { epoch: 0, revision: undefined }, base, "");
    const keys = ["description", "documentation", "url", "vendor", "source"];
    return Object.fromEntries(keys.map((key) => [key, labels[`org.opencontainers.image.${key}`]]));
  };
  const source = "https://code.test/toy";
  expect(of("")).toEqual({ description: "One, for best", vendor: "Toy" });
  expect(of(`source: ${source}\n`)).toMatchObject({ source, url: source, documentation: source });
  expect(of(`source: ${source}\nurl: https://toy.test\ndocumentation: https://docs.test\nvendor: We\n`)).toMatchObject({
    source,
    url: "https://toy.test",
    documentation: "https://docs.test",
    vendor: "We",
  });
});

test("labels are one instruction, and no value of one can change its shape", () => {
  expect(labelLines({})).toBe("");
  expect(labelLines({ "a.b": "x", "a.c": 'q" $HOME \\ `id`\nRUN touch /x' })).toBe(
    'LABEL "a.b"="x" \\\n    "a.c"="q\\" \\$HOME \\\\ `id` RUN touch /x"\n',
  );
});
