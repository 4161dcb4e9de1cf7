// needs: tiny
// reaches: test
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkout, commandLines, exec, type Said } from "../support/sandbox.ts";
import { makeTiny, tiny } from "../support/small-images.ts";

// `./run test` itself, on a project with a few small tests.
setDefaultTimeout(120_000);

const root = realpathSync(mkdtempSync(join(tmpdir(), "slipway-runner-")));
const marker = `4${process.pid}`; // seconds that nobody else sleeps

const bun = 'import { expect, test } from "bun:test";\n';
const files: Record<string, string> = {
  "tests/unit/good.test.ts": `import "../../lib/one.ts";\n${bun}test("adds", () => expect(1 + 1).toBe(2));\n`,
  "tests/unit/bad.test.ts": `${bun}test("this one fails", () => expect({ a: 1 }).toEqual({ a: 2 }));\ntest.skip("later", () => {});\n`,
  "tests/unit/crash.test.ts": "process.exit(7);\n",
  "tests/integration/reads.test.ts": `// reaches: overlays/\n${bun}test("fine", () => {});\n`,
  "tests/vm/long.slow.test.ts": `${bun}test("slow", () => {});\n`,
  "tests/unit/sleeps.slow.test.ts": `${bun}test("sleeps", () => Bun.sleep(60_000), 70_000);\n`,
  "lib/one.ts": "export const one = 1;\n",
  "overlays/x/etc/file": "",
};

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const stores = join(root, "stores");
const env = { SLIPWAY_TEST_STORES: stores, SLIPWAY_PROJECT: root, CI: "", SLIPWAY_TEST_RUN: "", FORCE_COLOR: "0" };
const run = (...args: string[]): Promise<Said> => exec([process.execPath, "scripts/test.ts", ...args], env, root);
const git = (...words: string[]) =>
  exec(["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", root, ...words], {}, root);

beforeAll(async () => {
  for (const part of ["lib", "scripts", "package.json", "bunfig.toml", "tsconfig.json"])
    cpSync(join(checkout, part), join(root, part), { recursive: true });
  symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"));
  for (const [path, text] of Object.entries(files)) write(path, text);
  mkdirSync(stores);
  writeFileSync(join(root, ".gitignore"), "node_modules\n.slipway/\nstores/\n");
  await git("init", "--quiet");
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "start");
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("a run", () => {
  let said: Said;
  beforeAll(async () => {
    said = await run();
  });

  test("ends with the totals; a file that crashes is one failed test", () => {
    expect(said.stdout).toBe("2 passed, 2 failed, 1 skipped\n");
    expect(said.code).toBe(1);
    expect(said.stderr).toContain("failed: tests/unit/crash.test.ts ended (exit code 7)");
  });

  test("shows of a failed test what was expected, what came, its log, and how to run it alone", () => {
    expect(said.stderr).toMatch(/✗ unit\/bad +1 failed, 1 skipped/);
    expect(said.stderr).toMatch(/- {3}"a": 2,\n.*\+ {3}"a": 1,/);
    expect(said.stderr).toContain(`log: ${join(root, ".slipway/logs/tests/unit-bad.test.log")}`);
    expect(said.stderr).toContain("alone: bun run test unit/bad");
    expect(said.stderr).toContain("failed: tests/unit/bad.test.ts:2 this one fails");
  });

  test("says what it leaves out, how far it is, and about how long the rest takes", () => {
    expect(said.stderr).toContain("left out, as they take minutes: unit/sleeps vm/long (--slow runs them)");
    expect(said.stderr).toMatch(/4 files, \d+ at a time: 0 of 4, about \d+ (s|min) left/);
    expect(said.stderr).toMatch(/\(4 of 4\)/);
  });

  test("leaves no folder behind", () => {
    expect(readdirSync(stores)).toEqual([]);
  });

  test("--rerun-failed runs what failed, --times shows where the time went", async () => {
    const again = await run("--rerun-failed", "-j", "1");
    expect(again.stdout).toBe("0 passed, 2 failed, 1 skipped\n");
    const times = await run("--times");
    expect([times.code, times.stdout]).toEqual([0, expect.stringContaining("2 files in")]);
    expect(times.stdout).toMatch(/unit\/(bad|crash)/);
  });

  test("--bail ends what runs, which is no failure, and begins nothing after the first failure", async () => {
    const two = await run("--bail", "-j", "2", "bad", "sleeps");
    expect([two.code, two.stdout]).toEqual([1, "0 passed, 1 failed, 1 skipped\n"]);
    expect(two.stderr).toMatch(/– unit\/sleeps +ended early/);
    const { code, stdout } = await run("--bail", "-j", "1", "bad", "good", "crash");
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^[01] passed, 1 failed, [01] skipped$/m)]);
  });

  test("--shard takes a part, and all parts are the whole", async () => {
    const parts = await Promise.all(["1/2", "2/2"].map((part) => run("unit", "--shard", part)));
    const counted = parts.map(({ stderr }) => Number(/^(\d) files/m.exec(stderr)?.[1]));
    expect(counted.sort()).toEqual([1, 2]);
    expect((await run("--shard", "3/2")).code).toBe(2);
  });
});

test("--changed runs what the change reaches, and says why", async () => {
  expect((await run("--changed")).stderr).toContain("nothing changed since the last commit");
  writeFileSync(join(root, "lib/one.ts"), "export const one = 2;\n");
  writeFileSync(join(root, "overlays/x/etc/new"), "");
  const { code, stdout, stderr } = await run("--changed");
  expect(stderr).toContain("unit/good: lib/one.ts\n");
  expect(stderr).toContain("integration/reads: overlays/x/etc/new ← overlays/\n");
  expect([code, stdout]).toEqual([0, "2 passed, 0 failed, 0 skipped\n"]);
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "more");
  expect((await run("--since", "HEAD~1")).stderr).toContain("unit/good: lib/one.ts\n");
  expect((await run("--since", "no-such-commit")).code).toBe(2);
});

describe("a run that is ended", () => {
  /** A test that leaves all that a test can leave: a process in a session of its own, a container, folders. */
  const leaves = `import { spawn } from "node:child_process";
import { exec, testStorage } from "${checkout}/tests/support/sandbox.ts";
import { podmanEnv } from "${checkout}/lib/tools/podman.ts";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "bun:test";
test("leaves", async () => {
  spawn("setsid", ["sleep", "${marker}"], { stdio: "ignore" });
  mkdtempSync(tmpdir() + "/left-");
  const env = { ...process.env, ...(await podmanEnv()), ...testStorage() } as Record<string, string>;
  const said = await exec(["podman", "run", "--detach", "--network=none", "${tiny}", "sleep", "${marker}"], env);
  writeFileSync("${root}/begun", said.stderr);
  await Bun.sleep(600_000);
}, 700_000);
`;

  const sleeping = () => commandLines().filter((line) => line.includes(`sleep ${marker}`) && !line.includes("podman"));
  const until = async (what: () => boolean) => {
    for (let tries = 0; tries < 600 && !what(); tries++) await Bun.sleep(100);
  };

  test.each([["SIGKILL"], ["SIGINT"]] as const)(
    "by %s leaves no process, container, mount or folder",
    async (signal) => {
      await makeTiny();
      mkdirSync(join(root, "tests/unit"), { recursive: true });
      writeFileSync(join(root, "tests/unit/leaves.test.ts"), leaves);
      rmSync(join(root, "begun"), { force: true });
      const child = Bun.spawn([process.execPath, "scripts/test.ts", "leaves"], {
        cwd: root,
        stdio: ["ignore", "ignore", "ignore"],
        env: { ...process.env, ...env },
      });
      await until(() => existsSync(join(root, "begun")));
      expect(await Bun.file(join(root, "begun")).text()).toBe("");
      expect(sleeping()).toHaveLength(2);
      const [name = ""] = readdirSync(stores).map((folder) => folder.replace("slipway-run-", ""));
      child.kill(signal);
      await child.exited;
      await until(() => sleeping().length === 0 && readdirSync(stores).length === 0);
      expect(sleeping()).toEqual([]);
      expect(readdirSync(stores)).toEqual([]);
      expect(await Bun.file("/proc/self/mountinfo").text()).not.toContain(root);
      expect(existsSync(join(tmpdir(), `slipway-test-${name}`))).toBe(false);
    },
  );
});
