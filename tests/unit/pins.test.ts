// reaches: pins
// Pins: read, put where a build takes something from outside, missed by lint, looked up anew. The outside is on this machine.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localBase } from "../../lib/builders/base.ts";
import { expand } from "../../lib/builders/containerfile/expand.ts";
import { lintContainerfile } from "../../lib/builders/containerfile/lint.ts";
import { newest, newestCommit } from "../../lib/builders/pins/newest.ts";
import { age, showPins } from "../../lib/builders/pins/report.ts";
import { choosePins, pinsText, withNews } from "../../lib/builders/pins/update.ts";
import { Failure } from "../../lib/system/errors.ts";
import { type Pin, parsePins, pinLine, pinned, readPins } from "../../lib/tools/pins.ts";
import { type Registry, startRegistry } from "../stand-in/registry.ts";
import { exec } from "../support/sandbox.ts";
import { type Files, family, project, removeProjects, target } from "../support/small-family.ts";

const digest = `sha256:${"a".repeat(64)}`;
const commit = "c".repeat(40);
const good = `# what and why

registry.test/base/best:latest ${digest} 2026-11-01
https://git.test/tools/thing ${commit} 2026-10-01 v*
aur:wizard ${commit} 2026-10-01
registry.test/extra:1 - -
`;

afterEach(removeProjects);

function failure(text: string): string {
  try {
    parsePins(text);
  } catch (error) {
    if (error instanceof Failure) return error.lines().join("\n");
    throw error;
  }
  return "";
}

describe("the file of pins", () => {
  test("is lines of an address, a pin, a day, and what an update follows", () => {
    const pins = parsePins(good);
    expect(pins.map(({ kind, pin, day, follows, line }) => [kind, pin, day, follows, line])).toEqual([
      ["image", digest, "2026-11-01", undefined, 3],
      ["git", commit, "2026-10-01", "v*", 4],
      ["aur", commit, "2026-10-01", undefined, 5],
      ["image", undefined, undefined, undefined, 6],
    ]);
    const lines = good.split("\n");
    expect(pins.map(pinLine)).toEqual(pins.map(({ line }) => lines[line - 1] ?? ""));
  });

  test.each([
    ["nonsense", "1:1: this is not an address"],
    ["-rf - -", "1:1: this is not an address"],
    ["ext::sh - -", "1:1: this is not an address"],
    ["file:///etc - -", "1:1: this is not an address"],
    ["aur:../x - -", "1:1: this is not an address"],
    ["aur:$(id) - -", "1:1: this is not an address"],
    ["https://git.test/a;id - -", "1:1: this is not an address"],
    ["registry.test/a - -", "1:1: this is not an address"],
    [`registry.test/a:1 ${commit} 2026-11-01`, "1:19: this is not a pin"],
    [`registry.test/a:1 ${digest}0 2026-11-01`, "1:19: this is not a pin"],
    [`https://git.test/a ${digest} 2026-11-01`, "1:20: this is not a pin"],
    ["https://git.test/a main 2026-11-01", "1:20: this is not a pin"],
    ["https://git.test/a deadbeef 2026-11-01", "1:20: this is not a pin"],
    [`\n\naur:x ${commit}`, `3:${"aur:x ".length + 41}: this is not a day`],
    [`aur:x ${commit} yesterday`, "this is not a day"],
    [`aur:x ${commit} 2026-13-41`, "this is not a day"],
    ["aur:x - 2026-11-01", "1:9: this is not a day"],
    [`aur:x ${commit} 2026-11-01 main`, "one word too many"],
    [`https://git.test/a ${commit} 2026-11-01 --upload-pack=x`, "this is not a branch"],
    ["aur:x - -\n\naur:x - -", "3:1: aur:x stands here a second time"],
  ])("%j is a mistake, at its place", (text, words) => {
    expect(failure(text)).toContain(
      `containerfiles/pins:${words.startsWith("this") || words.startsWith("one") ? "" : words}`,
    );
    expect(failure(text)).toContain(words);
  });

  test("may be missing: then nothing is pinned", () => {
    expect(readPins(project())).toBeUndefined();
    expect(pinned("registry.test/a:1", undefined)).toBe("registry.test/a:1");
  });
});

const wizard: Files = {
  "flavors/one.yaml": `title: One
recipe: root
arches: [best, plain]
args: {THING_REPO: "https://git.test/tools/thing", OTHER: "https://git.test/tools/thing.txt"}
run: [polish]
aur: {packages: [wizard]}
`,
  "flavors/two.yaml": "title: Two\nrecipe: desk\nfrom: one\narches: [best]\n",
};
const withPins = (pins: string, files: Files = {}) =>
  family(project({ ...wizard, "containerfiles/pins": pins, ...files }));

describe("a build takes", () => {
  test("images by digest, repositories and recipes of the AUR by commit", () => {
    const of = withPins(good);
    const text = expand(target(of, "best", "one"), of);
    expect(text).toContain(`ARG BASE=registry.test/base/best@${digest}\n`);
    expect(text).toContain(`ARG THING_REPO=https://git.test/tools/thing#${commit}\n`);
    expect(text).toContain("ARG OTHER=https://git.test/tools/thing.txt\n");
    expect(text).toContain(`ARG AUR_PINS="wizard=${commit}"\nRUN /usr/libexec/slipway/aur-build wizard\n`);
    expect(text).toContain(`ARG AUR_PINS="wizard=${commit}"\nARG SLIPWAY_REFRESH=\n`);
  });

  test("what is not pinned as it was", () => {
    const of = withPins("registry.test/base/best:latest - -\n");
    const text = expand(target(of, "best", "one"), of);
    expect(text).toContain("ARG BASE=registry.test/base/best:latest\n");
    expect(text).toContain("ARG THING_REPO=https://git.test/tools/thing\n");
    expect(text).not.toContain("AUR_PINS");
  });

  test("a base only when it is the pinned one: another under the same tag is not it", () => {
    const of = withPins(good);
    const base = { image: "registry.test/base/best" };
    const image = { id: "x", digest: "", names: [], labels: {}, size: 0 };
    const pins = readPins(of.root);
    expect(localBase(base, new Map([["registry.test/base/best:latest", image]]), pins)).toBeUndefined();
    const local = `registry.test/base/best:sha256-${"a".repeat(64)}`;
    expect(localBase(base, new Map([[local, image]]), pins)?.name).toBe(local);
  });

  test("nothing where the file of pins has a mistake: the place is reported", () => {
    const of = withPins("registry.test/base/best:latest v1 -\n");
    expect(() => expand(target(of, "best", "one"), of)).toThrow("containerfiles/pins:1:32: this is not a pin");
  });
});

describe("lint", () => {
  const open = (pins: string) => {
    const of = withPins(pins);
    return lintContainerfile(target(of, "best", "one"), of)
      .filter(({ check }) => check === "not-pinned")
      .map(({ severity, line, message }) => [severity, line, message.split(" ")[0]]);
  };

  test("names every image, repository and recipe that is taken as it is that day", () => {
    expect(open("")).toEqual([
      ["warning", 1, "registry.test/base/best:latest"],
      ["warning", 7, "https://git.test/tools/thing"],
      ["warning", 4, "aur:wizard"],
    ]);
  });

  test("has nothing to say when all is pinned, nor about the family's own image", () => {
    expect(open(good)).toEqual([]);
    const of = withPins(good);
    const found = lintContainerfile(target(of, "best", "two"), of).filter(({ check }) => check === "not-pinned");
    expect(found).toEqual([]);
  });
});

describe("an update", () => {
  let top = "";
  let web: ReturnType<typeof Bun.serve>;
  const commits: string[] = [];
  const git = async (...words: string[]) => {
    const who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main"];
    const { code, stdout, stderr } = await exec(["git", "-C", join(top, "wizard.git"), ...who, ...words]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  const address = () => `file://${join(top, "wizard.git")}`;

  beforeAll(async () => {
    top = mkdtempSync(join(tmpdir(), "pins-"));
    mkdirSync(join(top, "wizard.git"));
    await git("init", "--quiet");
    for (const [i, tag] of ["v9", "v10", "v11-rc1"].entries()) {
      writeFileSync(join(top, "wizard.git/file"), tag);
      await git("add", ".");
      await git("commit", "--quiet", "--message", tag);
      await git("tag", ...(i === 1 ? ["--annotate", "--message", "x"] : []), tag);
      commits.push(await git("rev-parse", "HEAD"));
    }
    await git("branch", "stable", "v9");
    web = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => {
        const name = new URL(request.url).searchParams.get("arg[]");
        if (name === "odd") return Response.json({ results: [{ PackageBase: "../../etc" }] });
        if (name === "down") return new Response("busy", { status: 503 });
        return Response.json({ results: name === "wand" ? [{ PackageBase: "wizard" }] : [] });
      },
    });
  });
  afterAll(async () => {
    await web.stop(true);
    rmSync(top, { recursive: true, force: true });
  });

  test("follows a branch, the newest release, or what a clone gets", async () => {
    expect(await newestCommit(address(), "stable")).toBe(commits[0] ?? "");
    expect(await newestCommit(address(), "v*")).toBe(commits[1] ?? "");
    expect(await newestCommit(address())).toBe(commits[2] ?? "");
  });

  test.each(["nowhere", "w*"])("of %s, which is not there, fails", (follows) => {
    expect(newestCommit(address(), follows)).rejects.toThrow("not looked up");
  });

  const recipe = (name: string): Pin => ({ ...(parsePins(`aur:${name} - -`)[0] as Pin) });

  test("asks the AUR whose recipe makes a package", async () => {
    const aur = `http://127.0.0.1:${web.port}`;
    for (const name of ["nobody", "odd", "down"])
      expect(await newest(recipe(name), aur).catch((error: Failure) => error.lines().join(" "))).toContain(
        `aur:${name}: not looked up`,
      );
    // the recipe's repository is asked for at the base's name
    expect(await newest(recipe("wand"), aur).catch((error: Failure) => error.message)).toBe(
      `${aur}/wizard.git: not looked up`,
    );
  });

  test("changes only what was looked up; comments and order stay", () => {
    const pins = parsePins(good);
    const [image, , , extra] = pins as [Pin, Pin, Pin, Pin];
    const news = [
      { pin: image, now: `sha256:${"b".repeat(64)}` },
      { pin: extra, now: digest },
    ];
    const text = withNews(good, news, "2026-11-28");
    const before = good.split("\n");
    expect(text.split("\n")).toEqual([
      ...before.slice(0, 2),
      `registry.test/base/best:latest sha256:${"b".repeat(64)} 2026-11-28`,
      ...before.slice(3, 5),
      `registry.test/extra:1 ${digest} 2026-11-28`,
      "",
    ]);
    expect(parsePins(text)).toHaveLength(pins.length);
  });

  test("adds what the family takes and the file does not name", () => {
    const of = withPins("# mine\n");
    expect(pinsText(of).split("\n")).toEqual([
      "# mine",
      "registry.test/base/best:latest - -",
      "https://git.test/tools/thing - -",
      "aur:wizard - -",
      "docker.io/library/debian:trixie - -",
      "",
    ]);
    expect(() => parsePins(pinsText(of))).not.toThrow();
  });

  test("of a pin that is not there names the nearest", () => {
    expect(() => choosePins(parsePins(good), ["aur:wizad"])).toThrow("did you mean `aur:wizard`?");
    expect(choosePins(parsePins(good), ["aur:wizard"]).map((pin) => pin.address)).toEqual(["aur:wizard"]);
    expect(choosePins(parsePins(good), [])).toHaveLength(4);
  });
});

test("pins are shown with their age, and what is not pinned with what to do", () => {
  const now = Date.parse("2026-11-02T12:00:00Z");
  expect([age("2026-11-02", now), age("2026-11-01", now), age("2026-10-01", now), age(undefined, now)]).toEqual([
    "today",
    "1 day ago",
    "32 days ago",
    "not pinned",
  ]);
  const shown = showPins(parsePins(good), now);
  expect(shown).toMatch(/^registry\.test\/base\/best:latest +a{12} +1 day ago$/m);
  expect(shown).toMatch(/^registry\.test\/extra:1 +- +not pinned$/m);
  expect(shown).toContain("1 not pinned: a build takes what is there that day. bun run pins --update");
  expect(Math.max(...shown.split("\n").map((line) => line.length))).toBeLessThan(81);
});

describe("the newest image", () => {
  let registry: Registry;
  let folder = "";
  const conf = process.env.CONTAINERS_REGISTRIES_CONF;
  beforeAll(() => {
    registry = startRegistry();
    folder = mkdtempSync(join(tmpdir(), "pins-registry-"));
    process.env.CONTAINERS_REGISTRIES_CONF = join(folder, "registries.conf");
    const insecure = `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n`;
    writeFileSync(process.env.CONTAINERS_REGISTRIES_CONF, insecure);
  });
  afterAll(async () => {
    if (conf === undefined) delete process.env.CONTAINERS_REGISTRIES_CONF;
    else process.env.CONTAINERS_REGISTRIES_CONF = conf;
    rmSync(folder, { recursive: true });
    await registry.stop();
  });

  const put = async (path: string, value: object, type: string) => {
    const body = JSON.stringify(value);
    const named = `sha256:${new Bun.CryptoHasher("sha256").update(body).digest("hex")}`;
    const address = `http://${registry.host}/v2/base/best/${path.replace("DIGEST", named)}`;
    await fetch(address, {
      method: "PUT",
      body,
      headers: { "Content-Type": `application/vnd.oci.image.${type}+json` },
    });
    return { mediaType: `application/vnd.oci.image.${type}+json`, digest: named, size: body.length };
  };

  test("is the index where there is one: an image of one CPU is wrong on every other", async () => {
    const rootfs = { type: "layers", diff_ids: [] };
    const config = await put(
      "blobs/uploads/x?digest=DIGEST",
      { architecture: "amd64", os: "linux", rootfs },
      "config.v1",
    );
    const one = await put("manifests/one", { schemaVersion: 2, config, layers: [] }, "manifest.v1");
    const platform = { architecture: process.arch === "x64" ? "amd64" : process.arch, os: "linux" };
    const index = await put("manifests/all", { schemaVersion: 2, manifests: [{ ...one, platform }] }, "index.v1");
    const newestOf = (tag: string) =>
      newest({ address: `${registry.host}/base/best:${tag}`, kind: "image" } as Pin, "http://no.aur");
    expect(await newestOf("one")).toBe(one.digest);
    expect(await newestOf("all")).toBe(index.digest);
  });
});
