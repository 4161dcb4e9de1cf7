// reaches: migrate
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { listing, OldSystem } from "../support/old-system.ts";
import { checkout, exec, type Said } from "../support/sandbox.ts";

// The person whose home moves is hostile: docs/untrusted-paths.md.

setDefaultTimeout(240_000);
let system: OldSystem;
let outside: string[];
const secret = "a secret of root's";
const script = join(checkout, "scripts/migrate.ts");
const newHome = "var/home/ana.homedir";

beforeEach(() => {
  system = new OldSystem();
  system.write("outside/secret", secret);
  system.write("outside/authorized_keys", `ssh-ed25519 AAAA${secret}`);
  system.write("outside/folder/doomed", "kept");
  chmodSync(system.path("outside"), 0o700);
  system.write("etc/victim", "of root's");
  chmodSync(system.path("etc/victim"), 0o600);
  outside = guarded();
});
afterEach(() => system.remove());

const guarded = () => [
  ...listing(system.path("outside")),
  ...listing(system.path("etc")).filter((line) => line.startsWith("victim ")),
];
const read = (path: string) => readFileSync(system.path(path), "utf8");

async function migrate(env: Record<string, string> = {}, ...preload: string[]): Promise<Said> {
  const said = await exec([process.execPath, ...preload, script, "--user", "ana", "--yes"], { ...system.env, ...env });
  expect(said.stderr).not.toMatch(/defect|^\s+at /m);
  return said;
}

/** Nothing of root's was changed, and nothing of it is where ana can read it. */
async function expectHeld(): Promise<void> {
  expect(guarded()).toEqual(outside);
  const found = await exec(["grep", "-rlsF", secret, "var/home", "var/lib/systemd"], {}, system.root);
  expect(found.stdout).toBe("");
}

// Before every call, and with strides that meet other pairs of calls.
const attacks = ["source", "target", "file"].flatMap((kind) => [1, 2, 3, 5].map((every) => [kind, every] as const));
test.each(attacks)("%s swapped before each %d. call: nothing of root's is changed or told", async (kind, every) => {
  const count = join(system.bin, ".count");
  const where = { ATTACK_HOMES: system.path("var/home"), ATTACK_COUNT: count };
  const env = { ...where, ATTACK_KIND: kind, ATTACK_EVERY: String(every) };
  const { code } = await migrate(env, "--preload", join(checkout, "tests/support/attack-at.ts"));
  await expectHeld();
  const [tries = 0, allowed = 0] = readFileSync(count, "utf8").split(" ").map(Number);
  expect(tries).toBeGreaterThan(30);
  // The old home is the user's, so what was swapped in it is found when the homes are compared.
  if (kind === "source") expect(allowed).toBeGreaterThan(30);
  else expect(code).toBe(0);
  // What the attacks left is in nobody's way.
  expect((await system.migrate("--rollback")).stderr).not.toMatch(/defect|^\s+at /m);
  await expectHeld();
});

test.each<[string, () => void, string]>([
  ["a pipe", () => void Bun.spawnSync(["mkfifo", keys()]), "is a pipe"],
  ["a link to /dev/zero", () => symlinkSync("/dev/zero", keys()), "is a link"],
  ["a link to a file of root's", () => symlinkSync(system.path("outside/authorized_keys"), keys()), "is a link"],
  ["a folder", () => mkdirSync(keys()), "is a folder"],
  ["a file of root's", () => writeFileSync(keys(), `ssh-ed25519 AAAA${secret}`), "is a file of the user 0"],
  [
    "a file without end",
    () => writeFileSync(keys(), Buffer.alloc(2_000_000, "ssh-ed25519 AAAA\n")),
    "more than 1048576",
  ],
])("authorized_keys is %s: told, and it goes on without", async (kind, make, told) => {
  unlinkSync(keys());
  make();
  if (kind === "a file without end") system.own("var/home/ana/.ssh", 1000);
  const { code } = await migrate();
  expect(code).toBe(0);
  expect(read("var/lib/systemd/home/ana.identity")).not.toContain("sshAuthorizedKeys");
  expect(read("var/lib/guaraos/migrate/current/report.txt")).toContain(told);
});
const keys = () => system.path("var/home/ana/.ssh/authorized_keys");

test(".ssh is a link: told, and it goes on without", async () => {
  renameSync(system.path("var/home/ana/.ssh"), system.path("var/home/ana/ssh"));
  symlinkSync(system.path("outside"), system.path("var/home/ana/.ssh"));
  expect((await migrate()).code).toBe(0);
  expect(read("var/lib/guaraos/migrate/current/report.txt")).toContain(".ssh is a link");
  await expectHeld();
});

/** Folders in folders, made one by one: no path reaches that deep. */
function dig(folder: string, name: string, depth: number): void {
  const code = `import os
os.chdir(${JSON.stringify(folder)})
for i in range(${depth}):
    os.mkdir(${JSON.stringify(name)}); os.chdir(${JSON.stringify(name)})
open("end", "w").write("the end")`;
  expect(Bun.spawnSync(["python3", "-c", code]).exitCode).toBe(0);
}
/** rm -r goes by descriptors. */
const remove = (path: string) => expect(Bun.spawnSync(["rm", "-r", system.path(path)]).exitCode).toBe(0);

test("a home deeper than any path is moved, and taken back", async () => {
  dig(system.path("var/home/ana/Documents"), "d".repeat(200), 40);
  dig(system.path("var/home/ana/Pictures"), "p", 1900);
  expect((await migrate()).code).toBe(0);
  const found = await exec(["find", newHome, "-name", "end"], {}, system.root);
  expect(found.stdout.trim().split("\n").length).toBe(2);
  expect((await system.migrate("--rollback")).code).toBe(0);
  remove("var/home");
});

test("folders without end are refused before anything is changed", async () => {
  dig(system.path("var/home/ana/Documents"), "d", 3000);
  const { code, stderr } = await migrate();
  expect([code, stderr]).toEqual([1, expect.stringMatching(/more than 2000 deep[\s\S]*in Documents/)]);
  expect(Bun.spawnSync(["ls", "-A", system.path("var/home")]).stdout.toString()).toBe("ana\n");
  remove("var/home");
});

test("homes that somebody else can change are refused", async () => {
  chmodSync(system.path("var/home"), 0o777);
  const { code, stderr } = await migrate();
  expect([code, stderr]).toEqual([1, expect.stringMatching(/other than root can change .*var\/home:/)]);
});

test("what an older guara-migrate began is only taken back", async () => {
  system.program("systemctl", "exit 1");
  expect((await migrate()).code).toBe(1);
  const plan = "var/lib/guaraos/migrate/current/plan.json";
  system.write(plan, read(plan).replace('"version": 2', '"version": 1'));
  const { code, stderr } = await migrate();
  expect([code, stderr]).toEqual([1, expect.stringContaining("an older guara-migrate began this")]);
  expect((await system.migrate("--rollback")).code).toBe(0);
  rmSync(system.path("var/home/ana.from-guaraos"), { recursive: true, force: true });
});
