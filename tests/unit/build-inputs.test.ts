// reaches: containerfiles/helpers/
// What helpers take from outside is exactly what was asked for: a commit, a key. The outside is git and gpg on this machine.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { containerfile } from "../../lib/builders/containerfile/builder.ts";
import { allTargets } from "../../lib/family/target.ts";
import { checkout, exec } from "../support/sandbox.ts";
import { family, project, removeProjects, small } from "../support/small-family.ts";

afterAll(removeProjects);

const helper = (name: string) => join(checkout, "containerfiles/helpers", name);
const inBuild = { SLIPWAY_ROOT: "/somewhere" };

/** Two keys of people, and one that has adopted the first of them as its own subkey. */
describe("a key", () => {
  let home = "";
  const keys: string[] = [];
  const gpg = (...words: string[]) => exec(["gpg", "--homedir", home, "--batch", ...words]);
  const hasKey = (fingerprint: string, at = home) =>
    exec([helper("has-key"), fingerprint, "gpg", "--homedir", at], inBuild);

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "gpg-"));
    for (const name of ["one", "two"])
      await gpg("--passphrase", "", "--quick-generate-key", `${name}@test.example`, "ed25519", "cert", "never");
    const { stdout } = await gpg("--with-colons", "--list-keys");
    keys.push(...[...stdout.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map((m) => m[1] ?? ""));
    await gpg("--passphrase", "", "--quick-add-key", keys[1] ?? "", "ed25519", "sign", "never");
  });
  afterAll(async () => {
    await exec(["gpgconf", "--homedir", home, "--kill", "all"]);
    rmSync(home, { recursive: true, force: true });
  });

  test("is known by its whole fingerprint, in small letters too", async () => {
    const [one = ""] = keys;
    expect(keys).toHaveLength(2);
    expect((await hasKey(one)).code).toBe(0);
    expect((await hasKey(one.toLowerCase())).code).toBe(0);
  });

  test("is not known by its last digits, which another key can have", async () => {
    const [one = ""] = keys;
    for (const length of [8, 16, 32]) {
      const { code, stderr } = await hasKey(one.slice(-length));
      expect([length, code]).toEqual([length, 1]);
      expect(stderr).toContain(`there is no key with the fingerprint ${one.slice(-length)}`);
    }
  });

  test("is not another key that has it as a subkey", async () => {
    const { stdout } = await gpg("--with-colons", "--list-keys", keys[1] ?? "");
    const subkey = [...stdout.matchAll(/^fpr:+([0-9A-F]{40}):/gm)][1]?.[1] ?? "";
    expect(subkey).toMatch(/^[0-9A-F]{40}$/);
    expect((await hasKey(subkey)).code).toBe(1);
  });

  test("is not there in an empty keyring", async () => {
    const empty = mkdtempSync(join(tmpdir(), "gpg-"));
    expect((await hasKey(keys[0] ?? "", empty)).code).toBe(1);
    rmSync(empty, { recursive: true });
  });
});

test("every key that a helper imports is named by its whole fingerprint and compared before it is trusted", () => {
  const setup = readFileSync(helper("arch-setup"), "utf8");
  const [, list = ""] = /^keys=\(([^)]*)\)/m.exec(setup) ?? [];
  const named = list.trim().split(/\s+/);
  expect(named.length).toBeGreaterThan(2);
  expect(named.filter((key) => !/^[0-9A-F]{40}$/.test(key))).toEqual([]);
  for (const name of ["arch-setup", "aur-build"]) {
    const lines = readFileSync(helper(name), "utf8").split("\n");
    const received = lines.findIndex((line) => line.includes("--recv-keys"));
    expect(lines.findIndex((line) => line.includes("has-key"))).toBeGreaterThan(received);
  }
  const trusted = setup.split("\n").findIndex((line) => line.includes("--lsign-key"));
  expect(setup.split("\n").findIndex((line) => line.includes("has-key"))).toBeLessThan(trusted);
});

describe("a repository", () => {
  let top = "";
  let source = "";
  const git = async (...words: string[]) => {
    const who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main"];
    const { code, stdout, stderr } = await exec(["git", "-C", source, ...who, ...words]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  const commit = async (text: string) => {
    writeFileSync(join(source, "file"), text);
    await git("add", ".");
    await git("commit", "--quiet", "--message", text);
    return git("rev-parse", "HEAD");
  };
  const gitAt = (address: string, ...name: string[]) =>
    exec([helper("git-at"), address, join(top, "clone"), ...name], inBuild);
  const got = () => readFileSync(join(top, "clone/file"), "utf8");

  beforeEach(async () => {
    top = mkdtempSync(join(tmpdir(), "git-at-"));
    source = join(top, "source");
    mkdirSync(source);
    await git("init", "--quiet");
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  test("is taken at the commit that is pinned, whatever came after it", async () => {
    const good = await commit("good");
    await commit("evil");
    const { code, stderr } = await gitAt(`file://${source}#${good}`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(got()).toBe("good");
  });

  test("may be one that gives no single commits", async () => {
    const good = await commit("good");
    await commit("evil");
    await git("config", "protocol.version", "0");
    await git("config", "uploadpack.allowAnySHA1InWant", "false");
    const { code } = await exec([helper("git-at"), `file://${source}#${good}`, join(top, "clone")], {
      ...inBuild,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "protocol.version",
      GIT_CONFIG_VALUE_0: "0",
    });
    expect([code, got()]).toEqual([0, "good"]);
  });

  test("without the pinned commit is refused, with what to do, and nothing of it is left to be built", async () => {
    await commit("evil");
    const { code, stderr } = await gitAt(`file://${source}#${"0".repeat(39)}1`);
    expect(code).toBe(1);
    expect(stderr).toContain(`has no commit ${"0".repeat(39)}1; bun run pins --update`);
    expect(existsSync(join(top, "clone/file"))).toBe(false);
  });

  test.each(["main", "HEAD", "deadbeef", "--upload-pack=touch"])(
    "at %j is refused: only a whole commit is a pin",
    async (wrong) => {
      await commit("evil");
      const { code, stderr } = await gitAt(`file://${source}#${wrong}`);
      expect(code).toBe(1);
      expect(stderr).toContain("is not a commit: it needs 40 hexadecimal digits");
      expect(existsSync(join(top, "clone"))).toBe(false);
    },
  );

  test("that is not pinned is taken as it is today, and that is said with its commit", async () => {
    const newest = await commit("today");
    const { code, stderr } = await gitAt(`file://${source}`, "aur:thing");
    expect([code, got()]).toEqual([0, "today"]);
    expect(stderr).toContain(`not pinned: aur:thing is built as it is today, ${newest}; bun run pins --update`);
  });
});

/** A project that has our recipes and helpers, and no other file of this checkout. */
test("recipes and helpers name no file of a family: they work in an empty project", () => {
  const head = (small["flavors/family.yaml"] ?? "").replace("flavor: one", "flavor: server");
  const alone = { "containerfiles/root.Containerfile": undefined, "containerfiles/desk.Containerfile": undefined };
  const root = project({
    ...alone,
    "flavors/family.yaml": head,
    "flavors/one.yaml": undefined,
    "flavors/two.yaml": undefined,
    "flavors/server.yaml": "title: Server\nrecipe: debian\narches: [plain]\ngroups: {a: {packages: [dbus]}}\n",
    "flavors/base.yaml": "title: Base\nrecipe: arch\narches: [best]\nbootc: true\ngroups: {a: {packages: [base]}}\n",
    "flavors/desk.yaml": "title: Desk\nrecipe: desktop\nfrom: base\narches: [best]\n",
  });
  cpSync(join(checkout, "containerfiles"), join(root, "containerfiles"), { recursive: true });
  const of = family(root);
  const errors = allTargets(of).flatMap((one) =>
    containerfile.lint(one, of).filter(({ severity }) => severity === "error"),
  );
  expect(allTargets(of)).toHaveLength(3);
  expect(errors).toEqual([]);
  const named = globSync("containerfiles/**/*", { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) => /^[^#]*overlays\/\w/m.test(readFileSync(file, "utf8")));
  expect(named).toEqual([]);
});

test("no helper clones or downloads by itself", () => {
  // git-at pins; aur-build asks the AUR which packages it has, and makepkg checks what it downloads.
  const allowed: Record<string, RegExp> = { "git-at": /git clone|fetch/, "aur-build": /\/rpc\/v5\/info/ };
  const loads = /\bgit (clone|fetch|pull)\b|\bcurl\b|\bwget\b|\bnpm\b|\bpip\b|\bcargo install\b/;
  const folder = join(checkout, "containerfiles/helpers");
  const found = [...new Bun.Glob("*").scanSync(folder)].flatMap((name) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => !/^\s*#/.test(line) && loads.test(line) && !allowed[name]?.test(line))
      .map((line) => `${name}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

describe("the age of a package archive", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "archive-"));
    mkdirSync(join(root, "var/lib/apt/lists"), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const day = 86_400_000;
  /** A list as a mirror serves it; its text may name dates too, which are no dates of its own. */
  const list = (suite: string, days: number) => {
    const date = new Date(Date.now() - days * day).toUTCString();
    const text = `Origin: Debian\nCodename: ${suite}\nDate: ${date}\nSHA256:\n abc 1 Date: Thu, 01 Jan 2099 00:00:00 UTC\nDate: Thu, 01 Jan 2099 00:00:00 UTC\n`;
    writeFileSync(join(root, `var/lib/apt/lists/deb_dists_${suite}_InRelease`), text);
    return new Date(date).toISOString().slice(0, 10);
  };
  const age = (days: string) => exec([helper("archive-date"), days], { SLIPWAY_ROOT: root });

  test("is that of the suite's own list, and is reported with the suite", async () => {
    const own = list("trixie", 29);
    list("trixie-security", 2);
    expect(await age("30")).toEqual({ code: 0, stdout: `trixie ${own}\n`, stderr: "" });
  });

  test("newer security updates do not make an old suite new", async () => {
    const old = list("trixie", 100);
    list("trixie-security", 2);
    expect((await age("30")).stderr).toContain(`the package lists of trixie are of ${old}, 100 days ago`);
  });

  test("a list without a date is not of today", async () => {
    writeFileSync(join(root, "var/lib/apt/lists/x_Release"), "Codename: trixie\nSHA256:\n");
    expect((await age("30")).stderr).toContain("no package lists with a date");
  });

  test("is refused when it is more than so many days", async () => {
    const old = list("trixie", 31);
    const { code, stdout, stderr } = await age("30");
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`the package lists of trixie are of ${old}, 31 days ago; the limit is 30 days`);
  });

  test("is refused when it is to come, and when there is none", async () => {
    expect((await age("30")).stderr).toContain("no package lists with a date");
    list("trixie", -3);
    const { code, stderr } = await age("30");
    expect(code).toBe(1);
    expect(stderr).toContain("which is in the future");
  });

  test.each(["", "0", "-1", "1e9", "99999", "$(touch x)"])("%j is no number of days", async (days) => {
    list("trixie", 1);
    const { code, stderr } = await age(days);
    expect(code).toBe(1);
    expect(stderr).toContain("DAYS is a number");
  });

  test.each(["toolbox", "toolbox-rolling"])("%s is not built from an old one", (name) => {
    const recipe = readFileSync(join(checkout, `containerfiles/${name}.Containerfile`), "utf8");
    const [update, date, install] = ["apt-get .*update", "archive-date ", "apt-get install"].map((words) =>
      recipe.search(new RegExp(words, "g")),
    );
    expect(recipe).toMatch(/^ARG ARCHIVE_DAYS=\d+$/m);
    expect(recipe).toMatch(/update && \\\n {4}bash \S*archive-date "\$\{ARCHIVE_DAYS\}" >\S+ && \\\n.*apt-get install/);
    expect([update, date, install].every((at) => at !== undefined && at > 0)).toBe(true);
  });
});
