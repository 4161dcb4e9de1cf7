import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkManifest } from "../../lib/family/check.ts";
import { fingerprint, loadFamilyToGrow } from "../../lib/family/manifest.ts";
import { ManifestFailure } from "../../lib/family/mistakes.ts";
import { decideNewFlavor, writeNewFlavor } from "../../lib/family/new-flavor.ts";
import { unwritable } from "../../lib/system/unwritable.ts";
import { sampleFamily } from "../support/sample-family.ts";
import { checkout, exec } from "../support/sandbox.ts";
import { type Files, family, mistakes, project, put, removeProjects, small, told } from "../support/small-family.ts";

// What the shape of flavors/*.yaml gets wrong, and the exact answer to it.

afterAll(removeProjects);

const head = small["flavors/family.yaml"] ?? "";
const one = small["flavors/one.yaml"] ?? "";

test("the small family is good, and so is the sample one", () => {
  expect(mistakes({})).toEqual([]);
  expect(() => sampleFamily()).not.toThrow();
});

describe("a mistake is shown with its line, a mark, what was expected and the nearest word", () => {
  test("unknown key", () => {
    expect(mistakes({ "flavors/one.yaml": `${one}displaymanager: gdm\n` })).toEqual([
      `flavors/one.yaml:4:1: unknown key \`displaymanager\`; did you mean \`displayManager\`?
    4 | displaymanager: gdm
      | ^
      expected: one of builder, title, from, arches, bootc, displayManager, session, recipe, containerfile, args, aur, groups, run, finish, units, shared, kargs, sysctl, suid, modes, install, smoke`,
    ]);
  });

  test("syntax", () => {
    expect(mistakes({ "flavors/one.yaml": 'title: One\nrecipe: "root\n' })).toEqual([
      `flavors/one.yaml:3:1: Missing closing "quote
    3 | 
      | ^
      expected: valid YAML`,
    ]);
  });

  test("the mark stands below its word, also after a tab", () => {
    const [said] = mistakes({ "flavors/one.yaml": `${one}units:\t{enable:\t[sshd]}\n` });
    expect(said?.split("\n").slice(1, 3)).toEqual([
      "    4 | units:\t{enable:\t[sshd]}",
      "      |       \t        \t ^",
    ]);
  });
});

// text added to flavors/one.yaml → place and message, expectation
test.each<[string, string, string, string]>([
  ["wrong type", "kargs: quiet", "4:8: wrong type for `kargs`: a string", "a list"],
  ["nothing where a map belongs", "groups:", "4:8: wrong type for `groups`: nothing", "a map"],
  ["a number for a mode", "modes: {/x: 750}", "4:13: wrong type for `modes./x`: a number", 'a string, such as "750"'],
  ["a bad mode", 'modes: {/x: "0999"}', "4:13: `0999`: not a mode", 'four octal digits in quotes, such as "0750"'],
  ["a relative path", "suid: [bin/su]", "4:8: `bin/su`: not an absolute path", "a path from /, without spaces"],
  ["a path for a shell", "suid: ['/a;b']", "4:8: `/a;b`: not an absolute path", "a path from /, without spaces"],
  [
    "a unit without type",
    "units: {mask: [sshd]}",
    "4:16: `sshd`: not a unit name",
    "a name with its type, such as sshd.service",
  ],
  ["a bad group name", "groups: {Big: {packages: [x]}}", "4:10: `Big`: not a name", "small letters, digits and dashes"],
  [
    "an interval",
    "groups: {a: {interval: wekly, packages: [x]}}",
    "4:24: `wekly` is not known here; did you mean `weekly`?",
    "one of daily, weekly, biweekly, monthly, quarterly, yearly",
  ],
  ["a group of nothing", "groups: {a: {packages: []}}", "4:24: `groups.a.packages` is empty", "at least 1 entry"],
  ["a group without packages", "groups: {a: {interval: daily}}", "4:13: `groups.a.packages` is missing", "a list"],
  ["a sysctl key", "sysctl: {swappiness: 1}", "4:10: `swappiness`: not a sysctl key", "such as vm.swappiness"],
  ["a sysctl value", "sysctl: {vm.x: [1]}", "4:16: `sysctl.vm.x`: not a setting", "a string or a number"],
  ["a build argument", "args: {url: x}", "4:8: `url`: not a build argument", "capital letters, digits and _"],
  ["an alias of nothing", "kargs: *kargs", "4:8: nothing before is marked `&kargs`", "a value"],
  ["a key twice", "title: Again", "4:1: the key `title` stands here a second time", "each key once"],
])("%s", (_, text, message, expected) => {
  const said = mistakes({ "flavors/one.yaml": `${one}${text}\n` });
  expect(said).toHaveLength(1);
  const lines = said[0]?.split("\n") ?? [];
  expect(lines[0]).toBe(`flavors/one.yaml:${message}`);
  expect(lines.at(-1)).toBe(`      expected: ${expected}`);
});

test.each<[string, string, string[]]>([
  ["empty", "", ["flavors/one.yaml:1:1: wrong type for the file: nothing"]],
  ["a list", "- a\n", ["flavors/one.yaml:1:1: wrong type for the file: a list"]],
  [
    "two documents",
    `${one}---\na: 1\n`,
    ["flavors/one.yaml:4:1: Source contains multiple documents; please use YAML.parseAllDocuments()"],
  ],
  [
    "without what it must say",
    "session: x\n",
    ["flavors/one.yaml:1:1: `title` is missing", "flavors/one.yaml:1:1: `arches` is missing"],
  ],
])("a file that is %s", (_, text, said) => {
  expect(told({ "flavors/one.yaml": text })).toEqual(said);
});

test("the names of flavors' files, and what else lies beside them", () => {
  const look = "expected: flavors/NAME.yaml, NAME of small letters, digits and dashes";
  expect(mistakes({ "flavors/Foo.yaml": one, "flavors/foo.yml": one, "flavors/dir.yaml/x": "" })).toEqual([
    `flavors/Foo.yaml: \`Foo\` is no name of a flavor\n      ${look}`,
    `flavors/dir.yaml: not a readable file\n      ${look}`,
    `flavors/foo.yml: nothing that Slipway reads\n      ${look}`,
  ]);
  expect(mistakes({ "flavors/gone.yaml": "-> nowhere" })).toHaveLength(1);
  expect(mistakes({ "flavors/.keep": "", "flavors/README.md": "", "flavors/link.yaml": "-> one.yaml" })).toEqual([]);
});

describe("a value that would leave its place", () => {
  const plain = "expected: letters, digits and _ . , : + = @ % ~ - between the slashes, and neither . nor .. alone";
  const oneLine = "expected: a value without line breaks and control characters";
  test.each<[string, string, string]>([
    ['suid: ["/usr/bin/*"]', "4:8: `/usr/bin/*`: not one plain path", plain],
    ['suid: ["/usr/bin/{su,sudo}"]', "4:8: `/usr/bin/{su,sudo}`: not one plain path", plain],
    ["suid: [/usr/../etc/shadow]", "4:8: `/usr/../etc/shadow`: not one plain path", plain],
    ["smoke: {files: [/etc/..]}", "4:17: `/etc/..`: not one plain path", plain],
    ['modes: {"/a/./b": "0750"}', "4:9: `/a/./b`: not one plain path", plain],
    ['suid: ["/a\\0b"]', "4:8: `/a\0b`: not one plain path", plain],
    ['suid: ["/a\\eb"]', "4:8: `/a\x1bb`: not one plain path", plain],
    ["units: {enable: [-rf.service]}", "4:18: `-rf.service`: not a unit name", "such as sshd.service"],
    ["kargs: [--now]", "4:9: `--now`: not a kernel argument", "name or name=value"],
    ['kargs: ["a=\\e[2J"]', "4:9: `a=\x1b[2J`: not a kernel argument", "name or name=value"],
    ['session: "\\e]0;x\\a"', "4:10: `\x1b]0;x\x07`: not one line", oneLine],
    ['session: "\\u202egnp.exe"', "4:10: `\u202egnp.exe`: not one line", oneLine],
    ['args: {A: "\\ud800"}', "4:11: `\ud800`: not one line", oneLine],
    ['args: {A: "x\\0"}', "4:11: `x\0`: not one line", oneLine],
    ['sysctl: {vm.x: "1\\nkernel.y = 2"}', "4:16: `1\\nkernel.y = 2`: not one line", oneLine],
    ['smoke: {commands: [{run: "a\\0b"}]}', "4:26: `a\0b`: not a command", "text without control characters"],
    ["smoke: {users: [-x]}", "4:17: `-x`: not a user's name", "small letters"],
    ["smoke: {commands: [{run: x, output: (}]}", "4:37: `(`: not a regular expression", "RE2's syntax"],
    ["smoke: {commands: [{run: x, output: (?=a)b}]}", "4:37: `(?=a)b`: not a regular expression", "RE2's syntax"],
    [
      "smoke: {commands: [{run: x, output: '((a{99}){99}){99}'}]}",
      "4:37: `((a{99}){99}){99}`: not a regular expression",
      "RE2's syntax",
    ],
    [`displayManager: ${"a".repeat(70)}`, "4:17: `displayManager` is too long", "at most 64 characters"],
  ])("%s", (text, message, expected) => {
    const said = mistakes({ "flavors/one.yaml": `${one}${text}\n` });
    expect(said).toHaveLength(1);
    expect(said[0]).toStartWith(`flavors/one.yaml:${message}\n`);
    expect(said[0]).toContain(expected);
  });

  test.each<[string, string, string]>([
    [
      "key: toy.pub",
      'key: "x.pub\\nRUN touch PWNED\\n#"',
      "5:6: `x.pub\\nRUN touch PWNED\\n#`: not a file of the project",
    ],
    ["key: toy.pub", "key: ../toy.pub", "5:6: `../toy.pub`: not a file of the project"],
    ["key: toy.pub", "key: /etc/passwd", "5:6: `/etc/passwd`: not a file of the project"],
    ["key: toy.pub", "key: --from=x", "5:6: `--from=x`: not a file of the project"],
    ["registry.test/toys", "../../etc", "3:11: `../../etc`: not a registry"],
    ["registry.test/toys", "registry.test/../x", "3:11: `registry.test/../x`: not a registry"],
    ["registry.test/toys", "guara92", "3:11: `guara92`: not a registry"], // podman reads docker.io/guara92
    ["registry.test/toys", '"[::1]:5000/ana"', "3:11: `[::1]:5000/ana`: not a registry"],
    ["registry.test/base/best", '"[::1]:5000/a:1"', "8:16: `[::1]:5000/a:1`: not an image reference"],
    ["title: Toy", 'title: "\\e[31mToy"', "2:8: `\x1b[31mToy`: not one line"],
    ["title: Toy", "title: Toy\nsource: https://u:secret@x.test/", "3:9: `https://u:secret@x.test/`: not an address"],
    ["title: Toy", `title: Toy\nrefreshAfter: ${"9".repeat(400)}d`, `3:15: \`${"9".repeat(80)}…\`: not an age`],
    ["registry.test/base/best", "registry.test/a/../b", "8:16: `registry.test/a/../b`: not an image reference"],
  ])("%s → %s", (good, bad, message) => {
    expect(told({ "flavors/family.yaml": head.replace(good, bad) }).join("\n")).toContain(
      `flavors/family.yaml:${message}`,
    );
  });
});

describe("a file that nobody should write", () => {
  const place = /^flavors\/one\.yaml:\d+:\d+: /;
  const laughs = Array.from({ length: 9 }, (_, i) => `a${i}: &a${i} [${i ? `*a${i - 1},`.repeat(9) : "x"}]\n`).join("");
  const packages = Array.from({ length: 900 }, (_, i) => `p${i}`).join();
  const shared = Array.from({ length: 80 }, (_, i) => `  g${i}: *g\n`).join("");
  const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1\n`).join("");
  test.each<[string, string, string]>([
    ["5,000 levels", `kargs: ${"[".repeat(5000)}${"]".repeat(5000)}\n`, "4:70: nested too deep"],
    ["5,000 levels that never end", `x: ${"{a: ".repeat(5000)}\n`, "nested too deep"],
    ["5,000 levels of dashes", `x:\n ${"- ".repeat(5000)}1\n`, "nested too deep"],
    ["20,000 keys", keys, "the file is too large"],
    ["20,000 lines", "\n".repeat(20_000), "5000:1: the file is too large"],
    ["aliases of aliases", laughs, "aliases make too much of the file"],
    [
      "a list that many aliases repeat",
      `groups:\n  g: &g {packages: [${packages}]}\n${shared}`,
      "6:7: aliases make too much",
    ],
    ["an alias inside itself", "kargs: &a [*a]\n", "4:12: aliases make too much"],
    ["a key that is a list", "? [a]\n: b\n", "4:3: a key that is not a word"],
    ["a key that is an alias", "args: {A: &a x, *a : y}\n", "4:17: a key that is not a word"],
    ["a key of JavaScript's", "args: {__proto__: x}\n", "4:8: `__proto__` is not a key"],
    ["a misspelt key in aur", "aur: {packges: [foo]}\n", "4:7: unknown key `packges`; did you mean `packages`?"],
    ["a base that JavaScript knows", "from: constructor\n", "4:7: unknown base `constructor`"],
    ["300 kB", `session: ${"x".repeat(300_000)}\n`, "1:1: it has 300056 bytes, more than 256000"],
    [
      "5,000 aliases of nothing",
      `kargs: [${Array.from({ length: 3000 }, (_, i) => `*b${i}`)}]\n`,
      "nothing before is marked `&b0`",
    ],
  ])("%s", (_, text, message) => {
    const said = told({ "flavors/one.yaml": one + text });
    for (const line of said) expect(line).toMatch(place);
    expect(said.join("\n")).toContain(message);
  });

  test("a key of bytes, as YAML 1.1 has them", () => {
    const said = told({ "flavors/one.yaml": `%YAML 1.1\n---\n${one}!!binary YQ==: x\n` });
    expect(said).toEqual(["flavors/one.yaml:6:10: a key that is not a word"]);
  });

  test("`default` of nothing", () => {
    const said = told({ "flavors/family.yaml": head.replace("{arch: plain, flavor: one}", "{}") });
    expect(said).toEqual([
      "flavors/family.yaml:6:10: `default.arch` is missing",
      "flavors/family.yaml:6:10: `default.flavor` is missing",
    ]);
  });

  test("names that JavaScript knows are no display manager and no marker", () => {
    const files = {
      "flavors/one.yaml": `${one}displayManager: constructor\nunits: {enable: [gdm.service]}\n`,
      "flavors/two.yaml": "title: Two\nrecipe: desk\nfrom: valueof\narches: [best]\n",
    };
    expect(told(files)).toContain("flavors/one.yaml:4:17: unknown display manager `constructor`");
    expect(told(files)).toContain("flavors/two.yaml:3:7: unknown base `valueof`");
  });

  test("of a long line the part around the mistake is shown, of many mistakes the first hundred", () => {
    const [said = ""] = mistakes({ "flavors/one.yaml": `${one}session: [${"x".repeat(20_000)}]\n` });
    expect(Math.max(...said.split("\n").map((line) => line.length))).toBeLessThan(140);
    const root = project({ "flavors/one.yaml": `${one}kargs: [${"1,".repeat(500)}]\n` });
    const shown = () => checkManifest(root);
    expect(shown).toThrow("and 400 more\n500 mistakes in the manifest");
  });

  test("control characters are shown and move nothing; the mark stays below its word", () => {
    const [said] = mistakes({ "flavors/one.yaml": `${one}session: {"\u001b[2J": x}\n` });
    expect(said?.split("\n").slice(1, 3)).toEqual(['    4 | session: {"\\u001b[2J": x}', "      |          ^"]);
  });
});

describe("a file that is none", () => {
  test.each<[string, string]>([
    ["flavors/one.yaml", "flavors/one.yaml:1:1"],
    ["flavors/family.yaml", "flavors/family.yaml:1:1"],
    ["containerfiles/root.Containerfile", "flavors/one.yaml:2:9: containerfiles/root.Containerfile"],
    ["toy.pub", "flavors/family.yaml:5:6: toy.pub"],
  ])("%s: a link out, a FIFO", (path, said) => {
    expect(told({ [path]: "-> /dev/zero" })).toContain(`${said}: it leads out of the project`);
    expect(told({ [path]: "-> /etc/passwd" })).toContain(`${said}: it leads out of the project`);
    const root = project({ [path]: undefined });
    Bun.spawnSync(["mkfifo", join(root, path)]);
    expect(() => checkManifest(root)).toThrow(`${said}: it is a FIFO, not a file`);
  });
});

describe("the fingerprint of a manifest", () => {
  test("follows no link, to wherever it leads", () => {
    const root = project({
      "overlays/one/etc/rootlink": "-> /",
      "overlays/one/etc/loop": "-> loop",
      "overlays/one/etc/up": "-> ../..",
    });
    expect(fingerprint(root)).toBe(fingerprint(root));
    const before = fingerprint(root);
    put(root, "elsewhere/x", "");
    put(root, "overlays/one/etc/out", "-> ../../../elsewhere");
    const linked = fingerprint(root);
    expect(linked).not.toBe(before);
    put(root, "elsewhere/y", "");
    expect(fingerprint(root)).toBe(linked);
  });

  test("sees an empty folder, and a change behind a link to a file", () => {
    const root = project({ "shared.yaml": one, "flavors/three.yaml": "-> ../shared.yaml" });
    const before = fingerprint(root);
    put(root, "shared.yaml", `${one}kargs: [quiet]\n`);
    const changed = fingerprint(root);
    expect(changed).not.toBe(before);
    mkdirSync(join(root, "overlays/none"), { recursive: true });
    expect(fingerprint(root)).not.toBe(changed);
  });
});

describe("where `.slipway/` cannot be written", () => {
  const load = (root: string, code: string) =>
    exec([process.execPath, "-e", code], { SLIPWAY_PROJECT: root }, checkout);

  test("the family is read all the same; whoever needs a place there hears it", async () => {
    const root = project({ ".slipway": "in the way" });
    const code = `import { loadFamily } from "./lib/family/manifest.ts"; console.log((await loadFamily()).name)`;
    expect(await load(root, code)).toEqual({ code: 0, stdout: "toy\n", stderr: "" });
    const place = `import { command } from "./lib/cli/command.ts";
      await command("list", async () => (await import("node:fs")).writeFileSync("${root}/.slipway/x", ""))`;
    const thrown = `import { statePath } from "./lib/system/project.ts"; import { Failure } from "./lib/system/errors.ts";
      try { statePath("state", "x") } catch (error) { console.log(error instanceof Failure) }`;
    expect((await load(root, thrown)).stdout).toBe("true\n");
    const said = await load(root, place);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(/^`\.slipway\/` cannot be written: E(EXIST|NOTDIR) \(owner \w+\)\n/);
    expect(said.stderr).toContain("next: something else is in the way");
  });

  test("nothing is left of a cache that could not be put in place", async () => {
    const root = project({ ".slipway/cache/manifest.json/x": "" });
    const code = `import { loadFamily } from "./lib/family/manifest.ts"; console.log((await loadFamily()).name)`;
    expect(await load(root, code)).toEqual({ code: 0, stdout: "toy\n", stderr: "" });
    expect(readdirSync(join(root, ".slipway/cache"))).toEqual(["manifest.json"]);
  });

  test.each([
    ["EACCES", "may write there: run this as"],
    ["EROFS", "copy the project to where you may write"],
    ["ENOSPC", "make room there"],
  ])("%s: what to do", (code, next) => {
    const root = project();
    const folder = join(root, ".slipway");
    const owner = Bun.spawnSync(["stat", "-c", "%U", root]).stdout.toString().trim();
    const error = Object.assign(new Error(code), { code, path: join(folder, "logs/x") });
    const failure = unwritable(error, folder);
    expect(failure?.code).toBe(1);
    const what = code === "ENOSPC" ? "no space left in `.slipway/`" : "`.slipway/` cannot be written";
    expect(failure?.message).toBe(`${what}: ${code} (owner ${owner})`);
    expect(failure?.details.next).toContain(next);
    expect(unwritable(error, join(root, "other"))).toBeUndefined();
    expect(unwritable(new TypeError("oops"), folder)).toBeUndefined();
    const ofWrite = unwritable(Object.assign(new Error(code), { code }), folder);
    expect(ofWrite?.message).toBe(code === "ENOSPC" ? failure?.message : undefined);
  });
});

describe("a new flavor", () => {
  const only = {
    name: "web",
    title: "Web",
    recipe: "desk",
    arches: ["best"],
    displayManager: undefined,
  };

  test("takes an overlay folder that is there as it is", async () => {
    const root = project({ "overlays/web/etc/x.conf": "mine\n", "overlays/other/etc/y": "" });
    const of = await loadFamilyToGrow(root);
    expect(await writeNewFlavor(of, { ...only, from: of.flavors.get("one") })).toEqual(["flavors/web.yaml"]);
    expect(readFileSync(join(root, "flavors/web.yaml"), "utf8")).toContain("files: [/etc/x.conf]");
    expect(readdirSync(join(root, "overlays/web"))).toEqual(["etc"]);
    expect(readFileSync(join(root, "overlays/web/etc/x.conf"), "utf8")).toBe("mine\n");
  });

  test.each<[string, Files]>([
    ["without overlays", {}],
    ["with overlays of others", { "overlays/one/etc/x": "" }],
    ["with a file in its way", { "flavors/web.yaml": "-> nowhere" }],
  ])("that is refused leaves nothing behind: a project %s", async (_, files) => {
    const root = project(files);
    const all = () => readdirSync(root, { recursive: true }).sort();
    const before = all();
    const bad = { ...only, recipe: "none", from: family(project()).flavors.get("one") };
    await expect(writeNewFlavor({ ...family(project()), root }, bad)).rejects.toThrow("was removed again");
    expect(all()).toEqual(before);
  });

  const given = { name: "web", title: undefined, arches: undefined, displayManager: undefined };
  const onBase = (base: string) =>
    loadFamilyToGrow(
      project({
        "flavors/family.yaml": `${small["flavors/family.yaml"]}`.replace("registry.test/base/best", base),
        "flavors/one.yaml": "title: One\nrecipe: root\narches: [plain]\n",
        "flavors/two.yaml": undefined,
      }),
    );

  test.each([
    "quay.io/fedora/fedora-bootc:43",
    "ghcr.io/ublue-os/bazzite:stable",
    "quay.io/centos-bootc/centos-bootc:stream10",
  ])("on %s is built by the recipe for Fedora's bases", async (base) => {
    const of = await onBase(base);
    const flavor = await decideNewFlavor(of, { ...given, from: "none", arches: "best", displayManager: "gdm" }, true);
    expect(flavor).toMatchObject({ recipe: "fedora", from: undefined });
    expect(await writeNewFlavor(of, flavor)).toContain("flavors/web.yaml");
    expect(readFileSync(join(of.root, "flavors/web.yaml"), "utf8")).toMatch(
      /^bootc: true #[\s\S]*packages: \[attr\][\s\S]*packages: \[gdm\]/m,
    );
  });

  test("that is refused takes nothing along that was there before", async () => {
    const root = project({ "overlays/web/etc/x.conf": "mine\n" });
    const of = await loadFamilyToGrow(root);
    const bad = { ...only, recipe: "none", from: of.flavors.get("one") };
    await expect(writeNewFlavor(of, bad)).rejects.toThrow("was removed again");
    expect(readFileSync(join(root, "overlays/web/etc/x.conf"), "utf8")).toBe("mine\n");
    expect(readdirSync(join(root, "flavors"))).not.toContain("web.yaml");
  });
});

describe("family.yaml", () => {
  test.each<[string, string, string]>([
    ["debian: trixie", "debain: trixie", "9:18: unknown key `debain`; did you mean `debian`?"],
    ["needs:", "need:", "8:41: unknown key `need`; did you mean `needs`?"],
    ["registry.test/base/best", "NOT-A-NAME", "8:16: `NOT-A-NAME`: not an image reference"],
    ["{debian: trixie}", "5", "9:17: `5`: not a base"],
    ["key: toy.pub", "key: [toy.pub]", "5:6: wrong type for `key`: a list"],
    ["prefix: toy", "prefix: Toy", "4:9: `Toy`: not a name"],
    ["title: Toy", "title: Toy\nrefreshAfter: soon", "3:15: `soon`: not an age"],
    ["title: Toy", "title: Toy\npush: {level: 99}", "3:15: `push.level` is 99"],
    ["title: Toy", "title: Toy\nsource: here", "3:9: `here`: not an address"],
  ])("%s → %s", (good, bad, message) => {
    expect(told({ "flavors/family.yaml": head.replace(good, bad) })).toContain(`flavors/family.yaml:${message}`);
  });
});

describe("all mistakes of a run at once", () => {
  test("in all files, from top to bottom, family.yaml first", () => {
    const said = told({
      "flavors/family.yaml": head.replace("prefix: toy", "prefix: Toy"),
      "flavors/one.yaml": `${one}kargs: [rd.luks=1, 5]\nsuid: [su]\n`,
      "flavors/two.yaml": "title: Two\nrecipe: dask\nfrom: on\narches: [best]\n",
      "overlays/two/opt/x": "",
    });
    expect(said).toEqual([
      "flavors/family.yaml:4:9: `Toy`: not a name",
      "flavors/one.yaml:4:9: forbidden kernel argument `rd.luks=1`",
      "flavors/one.yaml:4:20: wrong type for `kargs.1`: a number",
      "flavors/one.yaml:5:8: `su`: not an absolute path",
      "flavors/two.yaml:2:9: there is no containerfiles/dask.Containerfile; did you mean `desk`?",
      "flavors/two.yaml:3:7: unknown base `on`; did you mean `one`?",
      "overlays/two/opt/x: an overlay file in a forbidden place: /opt/x",
    ]);
  });

  test("below a wrong key too", () => {
    const said = told({
      "flavors/one.yaml": `${one}groups:\n  Big:\n    interval: never\n    packages: [a b]\n    colour: red\n`,
    });
    expect(said).toEqual([
      "flavors/one.yaml:5:3: `Big`: not a name",
      "flavors/one.yaml:6:15: `never` is not known here",
      "flavors/one.yaml:7:16: `a b`: not a package name",
      "flavors/one.yaml:8:5: unknown key `colour`",
    ]);
  });

  test("places are right when an earlier entry of the list was wrong", () => {
    const said = told({ "flavors/one.yaml": `${one}kargs: [1, quiet, 2, rd.luks=1]\n` });
    expect(said).toContain("flavors/one.yaml:4:22: forbidden kernel argument `rd.luks=1`");
  });

  test("a wrong part is reported once, not also by the rules that miss it", () => {
    expect(told({ "flavors/one.yaml": "title: One\nrecipe: [root]\narches: [5]\n" })).toEqual([
      "flavors/one.yaml:2:9: wrong type for `recipe`: a list",
      "flavors/one.yaml:3:10: wrong type for `arches.0`: a number",
    ]);
  });

  test("counted at the end, with exit code 2", () => {
    const root = project({ "flavors/one.yaml": `${one}kargs: [1, 2]\n` });
    expect(() => checkManifest(root)).toThrow("2 mistakes in the manifest; nothing was done");
    try {
      checkManifest(root);
    } catch (error) {
      expect(error instanceof ManifestFailure && error.code).toBe(2);
    }
  });
});

test("what is read is linked: defaults, bases before what is based on them, inherited bootc", () => {
  const of = family(
    project({
      "flavors/a.yaml": "title: A\nrecipe: desk\nfrom: z\narches: [best]\n",
      "flavors/z.yaml": `${one}bootc: true\n`,
    }),
  );
  expect([...of.flavors.keys()]).toEqual(["z", "a", "one", "two"]);
  const a = of.flavors.get("a");
  expect([a?.bootc, a?.from?.name, a?.builder, a?.file]).toEqual([true, "z", "containerfile", "flavors/a.yaml"]);
  expect(of.refreshAfter).toBe(2 * 24 * 3600);
  expect(of.arches.get("plain")).toEqual({
    name: "plain",
    title: "plain",
    base: { debian: "trixie" },
    needs: [],
    repos: [],
    runner: ["ubuntu-latest"],
  });
});
