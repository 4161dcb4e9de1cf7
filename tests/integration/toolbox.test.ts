// needs: toolbox
// reaches: setup
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../lib/system/shell.ts";
import { podman } from "../../lib/tools/podman.ts";
import { tools } from "../../lib/tools/tool-table.ts";
import { type Box, ensureToolbox, inToolbox } from "../../lib/tools/toolbox.ts";
import { toolboxHealth } from "../../lib/tools/toolbox-health.ts";
import { findTool, fits, tool } from "../../lib/tools/tools.ts";
import { probeArguments, runProbe } from "../../lib/vm/accelerator.ts";
import { exitCode, probeGuest } from "../../lib/vm/probe-guest.ts";
import { checkout, exec, oddName, testStorage } from "../support/sandbox.ts";

// The toolbox is built for real, once; later runs find it in the tests' storage.
setDefaultTimeout(600_000);

// a folder at whose name podman and QEMU stumble, if they are not told it with care
const scratch = realpathSync(mkdtempSync(join(tmpdir(), oddName)));

beforeAll(async () => {
  Object.assign(process.env, testStorage());
  await ensureToolbox();
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a program of a toolbox, wherever else it is. */
async function within(box: Box, ...words: string[]) {
  return run([...(await inToolbox([], { cwd: scratch, box })), ...words]);
}
const inside = (...words: string[]) => within("stable", ...words);

test("every tool that the table says is in the toolbox is there, in a version that we work with", async () => {
  for (const { name, programs, files, toolbox, rolling } of tools) {
    if (!toolbox) continue;
    const box = rolling ? "rolling" : "stable";
    const there = files ? ["ls", files[0] ?? ""] : ["sh", "-c", `command -v ${programs?.()[0] ?? name}`];
    expect([name, (await within(box, ...there)).code]).toEqual([name, 0]);
    const found = await findTool(name);
    expect([name, await fits(found.version, found.tool.range)]).toEqual([name, true]);
  }
});

test("a tool works on the project's files, under their own names, in the folder where it is run", async () => {
  writeFileSync(join(scratch, "in.txt"), "hello\n");
  const { code, stdout } = await inside("sh", "-c", "pwd; cp in.txt out.txt; exit 7");
  expect([code, stdout.trim()]).toEqual([7, scratch]);
  expect(await Bun.file(join(scratch, "out.txt")).text()).toBe("hello\n");
});

test("setup has it made; where it is there already, nothing is done", async () => {
  const { code, stdout, stderr } = await exec([process.execPath, join(checkout, "scripts/setup.ts")]);
  expect([code, stdout, stderr]).toEqual([0, "", "set up; bun run doctor shows what is here\n"]);
});

test("its skopeo can sign", async () => {
  const words = ["copy", "--sign-by-sigstore-private-key", "no.key", "--sign-passphrase-file", "no.pass"];
  for (const name of ["no.key", "no.pass"]) writeFileSync(join(scratch, name), "");
  const { said } = await inside("skopeo", ...words, "dir:none", "dir:copy");
  expect(said).not.toMatch(/sigstore disabled|unknown flag/);
});

test("each says of which suite and day it is, and the whole versions of what is in it", async () => {
  const boxes = await toolboxHealth();
  expect(boxes.map(({ name, built, suite, old }) => [name, built, suite, old])).toEqual([
    ["stable", true, "trixie", false],
    ["rolling", true, "sid", false],
  ]);
  for (const { day } of boxes) expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
  const [stable, rolling] = boxes.map(({ packages }) => packages);
  expect(stable?.cosign).toMatch(/^2\.\d+\.\d+.*-/);
  expect([stable?.buildstream, rolling?.cosign]).toEqual([undefined, undefined]);
});

test("its BuildStream starts", async () => {
  expect((await within("rolling", "bst", "--version")).stdout).toMatch(/^2\./);
});

test("a tool ends when it should, and its container with it", async () => {
  const name = `slipway-test-${process.pid}`;
  const [words, settings] = [await inToolbox([`--name=${name}`]), { env: process.env }];
  const child = Bun.spawn([...words, "sleep", "600"], { stdio: ["ignore", "ignore", "ignore"], ...settings });
  const alive = async () => (await podman(["ps", "--quiet", "--filter", `name=${name}`])).stdout !== "";
  while (!(await alive())) await Bun.sleep(100);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(128 + 15);
  expect(await alive()).toBe(false);
});

test("the guest that tries KVM comes through where instructions are translated", async () => {
  const qemu = await tool("qemu-system-x86_64");
  expect(await runProbe(qemu, "tcg", "max")).toBeUndefined();
});

test("QEMU finds a disk in a folder with a comma, a colon and a space in its name", async () => {
  const disk = join(scratch, "guest.img");
  writeFileSync(disk, probeGuest());
  const qemu = await tool("qemu-system-x86_64", { cwd: scratch });
  const { code, said } = await run([...qemu, ...probeArguments(disk, "tcg", "max")]);
  expect([code, said]).toEqual([exitCode, ""]);
});

test("what does not run a guest is reported in QEMU's words", async () => {
  const qemu = await tool("qemu-system-x86_64");
  expect(await runProbe(qemu, "no-such-accelerator", "max")).toContain("no-such-accelerator");
});
