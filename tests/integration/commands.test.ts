// reaches: scripts/ lib/cli/ lib/family/ tests/samples/family/ run
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../lib/cli/commands.ts";
import { SampleProject } from "../support/sample-family.ts";
import { checkout, exec, Project, type Said } from "../support/sandbox.ts";

// Every command as it is typed, in the middle of a pipe: no question, no colours, nothing but the result on stdout.

setDefaultTimeout(120_000);

let project: Project;
let env: Record<string, string>;

beforeAll(() => {
  project = new SampleProject();
  // No CI either: that there is no terminal must be enough.
  env = { ...project.env, CI: "", GITHUB_ACTIONS: "" };
});
afterAll(() => project.remove());

/** A line as it is typed in the checkout: `./run …` or `bun run …`. */
async function type(line: string): Promise<Said> {
  const words = line.split(" ").map((word) => (word === "bun" ? process.execPath : word));
  const said = await exec(words, env);
  const all = said.stdout + said.stderr;
  expect(all).not.toContain("\x1b");
  expect(all).not.toMatch(/^\? /m);
  return said;
}

/** For `clean`: without podman on the PATH it looks at files only, which is quick; images are clean.test.ts. */
function withoutPodman(name: string, ...args: string[]): Promise<Said> {
  return exec([process.execPath, `scripts/${name}.ts`, ...args], { ...env, PATH: "/nowhere" });
}

describe("what goes well", () => {
  test.each<[string, RegExp]>([
    ["./run", /^Sample: bun run COMMAND/],
    ["./run --help", /^make +list +show all targets/m],
    ["./run help build", /^bun run build \[arch\] \[flavor…\] \[options\]$/m],
    ["./run --version", /^slipway \d/],
    [
      "./run list",
      /^cosmic +COSMIC desktop +znver4 +containerfile +cosmic-greeter +registry\.test\/samples\/sample-cosmic:znver4$/m,
    ],
    ["bun run build --dry-run --force", /podman build .* --tag registry\.test\/samples\/sample-minimal:amd64 /],
    ["./run build --dry-run --yes --force", /podman build .* --tag registry\.test\/samples\/sample-minimal:amd64 /],
    ["./run build cosmic -n", /sample-base:znver4[\s\S]*sample-cosmic:znver4/],
    ["./run build znver4 cosmic --dry-run", /sample-base:znver4[\s\S]*sample-cosmic:znver4/],
    ["bun run build v3 all --print", /ARG BASE=registry\.test\/samples\/sample-base:v3/],
    ["bun run matrix", /^znver4 +cosmic +base +registry\.test\/samples\/sample-cosmic:znver4 +ubuntu-latest$/m],
    ["./run completions bash", /complete .* run \.\/run bun/],
    ["bun run completions zsh", /compdef _slipway run bun/],
    ["bun run completions fish", /complete -c \$program/],
    ["./run clean --help", /--all/],
  ])("%s", async (line, stdout) => {
    const said = await type(line);
    expect(said.code).toBe(0);
    expect(said.stdout).toMatch(stdout);
  });

  test("readme --check says so on stderr", async () => {
    const places = ["targets", "commands"].map((name) => `<!-- ${name}: here -->\n<!-- end of ${name} -->\n`);
    project.write("README.md", places.join("\n"));
    expect((await type("./run readme")).stdout).toBe("README.md\n");
    const { code, stdout, stderr } = await type("./run readme --check");
    expect([code, stdout, stderr]).toEqual([0, "", "the tables of README.md are up to date\n"]);
  });

  test("test runs one file and ends with the totals", async () => {
    // tests are of the checkout, not of the project
    const { code, stdout } = await exec(["./run", "test", "unit", "completions"], { CI: "" });
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^\d+ passed, 0 failed, 0 skipped$/);
  });
});

describe("--json is one document, and nothing else is on stdout", () => {
  test("help", async () => {
    const said = JSON.parse((await type("./run help --json")).stdout);
    expect(said.commands.map((c: { name: string }) => c.name)).toEqual(commands.map((c) => c.name));
  });

  test("list", async () => {
    const { stdout } = await type("bun run list --json");
    const said = JSON.parse(stdout);
    expect(said.targets.find((t: { flavor: string }) => t.flavor === "gamestation")).toMatchObject({
      arches: ["znver4", "v3"],
      builder: "containerfile",
      displayManager: "plasmalogin",
      from: "base",
      references: ["registry.test/samples/sample-gamestation:znver4", "registry.test/samples/sample-gamestation:v3"],
    });
  });

  test("matrix has a base before what is based on it", async () => {
    const { include } = JSON.parse((await type("./run matrix --json")).stdout);
    const seen = new Set<string>();
    for (const { arch, flavor, base, reference, runner } of include) {
      if (base !== null) expect(seen).toContain(`${base}:${arch}`);
      expect(reference).toBe(`registry.test/samples/sample-${flavor}:${arch}`);
      expect(runner.length).toBeGreaterThan(0);
      seen.add(`${flavor}:${arch}`);
    }
    expect(seen.size).toBe(7);
  });

  test("doctor", async () => {
    const { code, stdout } = await type("bun run doctor --json");
    expect([0, 3]).toContain(code);
    expect(Object.keys(JSON.parse(stdout)).length).toBeGreaterThan(2);
  });

  test("lint", async () => {
    const { stdout } = await type("bun run lint --json");
    expect(typeof JSON.parse(stdout)).toBe("object");
  });

  test("clean --dry-run", async () => {
    const { code, stdout } = await withoutPodman("clean", "--dry-run", "--json");
    expect([code, JSON.parse(stdout).removed]).toEqual([0, false]);
  });
});

describe("wrong words: exit 2, nothing on stdout, the nearest word, the list", () => {
  test.each<[string, string[]]>([
    ["./run biuld", ["unknown command `biuld`; did you mean `build`?", "list build"]],
    ["bun run build znver5", ["unknown arch `znver5`; did you mean `znver4`?", "znver4 v3 amd64"]],
    ["bun run build v3 gnom", ["unknown flavor `gnom`; did you mean `gnome`?", "base gamestation"]],
    ["bun run build v3 cosmic", ["cosmic does not exist for v3; it has: znver4", "bun run build znver4 cosmic"]],
    ["bun run build gamestation", ["`gamestation` is a flavor; the arch comes first", "bun run build v3 gamestation"]],
    ["bun run build znver4", ["no flavor given for znver4", "base cosmic gamestation gnome"]],
    ["bun run build --dryrun", ["unknown option --dryrun; did you mean `--dry-run`?", "--print"]],
    ["bun run build --jobs", ["--jobs needs a value"]],
    ["bun run build --jobs 0", ["--jobs takes a whole number from 1 up"]],
    ["bun run build --yes=no", ["--yes takes no value"]],
    ["bun run matrix znver4", ["unexpected word `znver4`"]],
    ["bun run lint znver", ["unknown arch `znver`; did you mean `znver4`?"]],
    ["bun run completions fisch", ["did you mean `fish`?", "bash zsh fish"]],
    ["bun run test unit manifets", ["no test is called manifets"]],
    ["bun run bench nothing", ["nothing"]],
    ["./run new-flavor", ["which name?", "bun run new-flavor NAME"]],
    ["./run new-flavor Web_Server", ["is no name", "bun run new-flavor web-server"]],
    [
      "./run new-flavor cosmic",
      ["there is a flavor cosmic already: flavors/cosmic.yaml", "bun run new-flavor cosmic-2"],
    ],
    ["./run new-flavor all", ["`all` has a meaning of its own"]],
    ["./run new-flavor v3", ["`v3` is an arch"]],
    ["./run new-flavor x --from bse", ["unknown base `bse`; did you mean `base`?"]],
    ["./run new-flavor x --from cosmic --arches v3", ["cosmic does not exist for v3; choose znver4"]],
    ["./run new-flavor x --from none --arches znver4", ["for znver4 it must be based on a flavor; choose amd64"]],
    ["./run new-flavor x --arches amd46", ["unknown arch `amd46`; did you mean `amd64`?"]],
    ["./run new-flavor x --display-manager gdn", ["unknown display manager `gdn`; did you mean `gdm`?"]],
    ["./run new-flavor x --from gnome --display-manager sddm", ["gnome has gdm already"]],
  ])("%s", async (line, texts) => {
    const { code, stdout, stderr } = await type(line);
    expect([code, stdout]).toEqual([2, ""]);
    for (const text of texts) expect(stderr).toContain(text);
    expect(existsSync(join(project.root, "flavors/x.yaml"))).toBe(false);
  });
});

describe("--json: what is wrong is a document too, and the same is on stderr", () => {
  const errorOf = async (line: string) => {
    const { code, stdout, stderr } = await type(line);
    const { error, ...more } = JSON.parse(stdout);
    expect([error.code, more]).toEqual([code, {}]);
    expect(stderr).toStartWith(error.message);
    return error;
  };

  test("a wrong word, a wrong option", async () => {
    expect(await errorOf("./run build znver5 --json")).toMatchObject({
      code: 2,
      message: "unknown arch `znver5`; did you mean `znver4`?",
      tried: [],
      choices: ["the arches of sample: znver4 v3 amd64"],
      place: null,
    });
    expect((await errorOf("./run matrix --jsn --json")).next).toBe("bun run matrix --help");
    expect((await type("./run vm ssh nobody -- x --json")).stdout).toBe("");
  });

  test("a mistake in the manifest, with its place", async () => {
    const good = readFileSync(join(project.root, "flavors/gnome.yaml"), "utf8");
    project.write("flavors/gnome.yaml", `${good}nosuch: 1\n`);
    const { code, place } = await errorOf("bun run matrix --json");
    project.write("flavors/gnome.yaml", good);
    expect([code, place]).toEqual([2, `flavors/gnome.yaml:${good.split("\n").length}:1`]);
  });
});

test("clean shows what there is and removes nothing unasked: exit 2", async () => {
  const log = ".slipway/logs/some.log";
  project.write(log, "text");
  const said = await withoutPodman("clean");
  expect(said.code).toBe(2);
  expect(said.stdout).toMatch(/^[\d.]+ k?B +\.slipway\/logs/m);
  expect(said.stderr).toContain("there is no terminal to ask");
  expect(said.stderr).toContain("bun run clean --yes");
  expect(existsSync(join(project.root, log))).toBe(true);
});

describe("new-flavor", () => {
  test.each<[string, string, string[]]>([
    ["a", "", ["recipe: debian ", "from: minimal ", "arches: [amd64]"]],
    ["b", "--from base", ["recipe: desktop ", "from: base ", "arches: [znver4, v3]"]],
    ["c", "--from cosmic", ["recipe: desktop ", "from: cosmic ", "arches: [znver4]"]],
    ["d", "--from none", ["recipe: debian ", "arches: [amd64]", "linux-image-"]],
    [
      "e",
      "--from base --arches v3 --display-manager gdm",
      ["displayManager: gdm", "packages: [gdm]", "enable: [gdm.service]"],
    ],
    ["f", "--display-manager ly", ["displayManager: ly", "Name its package in a group"]],
  ])("%s %s: is good, and its Containerfile has its own packages", async (letter, options, parts) => {
    const name = `new-${letter}`;
    const { code, stdout, stderr } = await type(`./run new-flavor ${name} ${options}`.trimEnd());
    expect(code).toBe(0);
    expect(stdout).toBe(`flavors/${name}.yaml\noverlays/${name}/usr/share/sample/${name}/README\n`);
    const next = /bun run build (\S+) \S+/.exec(stderr)?.[0] ?? "";
    const yaml = readFileSync(join(project.root, `flavors/${name}.yaml`), "utf8");
    for (const part of parts) expect(yaml).toContain(part);
    const built = await type(`${next} --print`);
    expect(built.code).toBe(0);
    expect(built.stdout).toMatch(/group tools weekly --/);
    expect(built.stdout).toContain(`COPY overlays/${name}/ /overlay/`);
    expect((await type("bun run list")).stdout).toContain(`sample-${name}:`);
  });

  test("--json, with every option", async () => {
    const line = `./run new-flavor one --title Only --from base --arches v3 --display-manager none --json`;
    expect(JSON.parse((await type(line)).stdout)).toEqual({
      name: "one",
      title: "Only",
      recipe: "desktop",
      from: "base",
      arches: ["v3"],
      displayManager: null,
      files: ["flavors/one.yaml", "overlays/one/usr/share/sample/one/README"],
      next: "bun run build v3 one",
    });
  });

  test("what the manifest's rules refuse is taken back", async () => {
    // the recipe that a flavor without a base has on a Debian arch takes no packages here
    const poor = new Project([]);
    poor.write("t.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    poor.write(
      "flavors/family.yaml",
      `name: t
title: T
registry: localhost/t
prefix: t
key: t.pub
default: {arch: a, flavor: one}
arches: {a: {base: localhost/t/a}, b: {base: {debian: trixie}}}
`,
    );
    poor.write("flavors/one.yaml", "title: One\nrecipe: tiny\narches: [a]\n");
    for (const name of ["tiny", "debian"])
      poor.write(`containerfiles/${name}.Containerfile`, "# @base\nFROM ${BASE}\n");
    const { code, stdout, stderr } = await poor.slipway("new-flavor", "bad", "--from", "none", "--arches", "b");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("bad would not be good, and was removed again");
    expect(stderr).toContain("containerfiles/debian.Containerfile has no place for `groups`");
    expect(existsSync(join(poor.root, "flavors/bad.yaml"))).toBe(false);
    expect(existsSync(join(poor.root, "overlays/bad"))).toBe(false);
    expect((await poor.slipway("list")).code).toBe(0);
    poor.remove();
  });
});

describe("a reader that goes away is no error", () => {
  test.each(["list", "list --json", "matrix --json", "build znver4 all --print", "completions bash"])(
    "%s | head -1",
    async (words) => {
      const line = `'${process.execPath}' run ${words} | head -1; echo "\${PIPESTATUS[0]}"`;
      const { stdout, stderr } = await exec(["bash", "-c", line], env);
      expect(stdout.trimEnd().split("\n").length).toBe(2);
      expect(stdout).toMatch(/\n0\n$/);
      expect(stderr).toBe("");
    },
  );
});

test.each(["list", "matrix --json"])("%s: a result that cannot be written is an error", async (words) => {
  const { code, stderr } = await exec(["bash", "-c", `'${process.execPath}' run ${words} >/dev/full`], env);
  expect([code, stderr]).toEqual([1, "the output cannot be written: ENOSPC: no space left on device, write\n"]);
});

describe("the project", () => {
  test("that is none: exit 2 and what to do", async () => {
    const said = await exec(["./run", "list"], { ...env, SLIPWAY_PROJECT: join(project.root, "nowhere") });
    expect([said.code, said.stdout]).toEqual([2, ""]);
    expect(said.stderr).toContain("there is no flavors/family.yaml here");
    expect(said.stderr).toContain("SLIPWAY_PROJECT");
    expect(existsSync(join(project.root, "nowhere"))).toBe(false);
  });

  test("./run works from any folder", async () => {
    const said = await exec([join(checkout, "run"), "matrix"], env, "/");
    expect(said.code).toBe(0);
  });
});
