// reaches: new-flavor build list clean run tests/samples/family/
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Machine } from "../support/machine.ts";
import { SampleProject } from "../support/sample-family.ts";
import { checkout } from "../support/sandbox.ts";
import { keys, Terminal } from "../support/terminal.ts";

// Commands as a person meets them: in a terminal, with questions and keys.

setDefaultTimeout(60_000);

const { down, enter, interrupt, space, up } = keys;
const zen4 = "flags : avx2 avx512_vnni\nmodel name : Zen\n";
const haswell = "flags : avx2\nmodel name : Haswell\n";

let project: SampleProject;
let terminal: Terminal | undefined;

beforeEach(() => {
  project = new SampleProject();
});

afterEach(async () => {
  await terminal?.close();
  terminal = undefined;
  project.remove();
});

/** A command in a terminal, on the test's own project and on a CPU of its choice. */
function start(command: string[], env: Record<string, string | undefined> = {}, cpuinfo = haswell): Terminal {
  project.write("cpuinfo", cpuinfo);
  const [name = "", ...args] = command;
  const own = { ...project.env, CI: undefined, SLIPWAY_CPUINFO: join(project.root, "cpuinfo"), ...env };
  terminal = new Terminal([process.execPath, join(checkout, "scripts", `${name}.ts`), ...args], own);
  return terminal;
}

describe("build", () => {
  test("asks for the arch, the default marked, and for flavors", async () => {
    const t = start(["build", "--print"]);
    await t.see("Which arch?");
    await t.see("znver4: AMD Zen 4 and later (this CPU lacks avx512_vnni, registry.test does not answer)");
    await t.see("❯   amd64: any 64-bit x86");
    t.press(up, enter);
    await t.see("Which flavors?");
    await t.see("gamestation");
    t.press(space, down, space, enter);
    expect(await t.end()).toBe(0);
    expect(t.text).toContain("ARG BASE=registry.test/base/v3:latest");
    expect(t.text).toContain("ARG BASE=registry.test/samples/sample-base:v3");
  });

  test("one key builds the default: a list of one is not asked", async () => {
    // a better arch of this CPU, whose base can be had too, is not the default
    const file = join(project.root, "flavors/family.yaml");
    const base = (name: string) => `base: registry.test/base/${name}`;
    const text = readFileSync(file, "utf8").replace(base("v3"), "base: { debian: trixie }");
    project.write("flavors/family.yaml", text.replace(base("v4"), "base: { debian: trixie }"));
    const t = start(["build", "--dry-run", "--force"], {}, zen4);
    await t.see("❯   amd64: any 64-bit x86");
    expect(t.text).not.toContain("does not answer");
    t.press(enter);
    expect(await t.end()).toBe(0);
    expect(t.text).not.toContain("this CPU lacks");
    expect(t.text).not.toContain("Which flavors?");
    expect(t.text).toContain("# registry.test/samples/sample-minimal:amd64: ");
    expect(t.text).toMatch(/podman build .*--tag registry\.test\/samples\/sample-minimal:amd64 /);
  });

  test("a default whose base cannot be had is not marked, and says why", async () => {
    const file = join(project.root, "flavors/family.yaml");
    const text = readFileSync(file, "utf8").replace("{ arch: amd64, flavor: minimal }", "{ arch: v3, flavor: base }");
    project.write("flavors/family.yaml", text);
    const t = start(["build", "--print"]);
    await t.see("v3: x86-64-v3 (Haswell, Zen and later) (registry.test does not answer)");
    await t.see("❯   amd64");
    t.press(interrupt);
    expect(await t.end()).toBe(130);
  });

  test("an arch without a flavor asks for flavors only, and will not go on with none", async () => {
    const t = start(["build", "v3", "--print"]);
    await t.see("Which flavors?");
    t.press(enter);
    await t.see(/must select a minimum of 1/i);
    t.press(space, enter);
    expect(await t.end()).toBe(0);
    expect(t.text).not.toContain("Which arch?");
  });

  test.each([
    ["Ctrl-C", interrupt],
    ["Escape", "\x1b"],
  ])("%s at a question ends with 130 and does nothing", async (_, key) => {
    const t = start(["build", "--dry-run", "--force"]);
    await t.see("Which arch?");
    t.press(key);
    await t.see("cancelled at a question");
    expect(await t.end()).toBe(130);
    expect(t.text).not.toContain("podman build");
    // the cursor, which the question hid, is back
    expect(t.raw.lastIndexOf("\x1b[?25h")).toBeGreaterThan(t.raw.lastIndexOf("\x1b[?25l"));
  });

  test.each<[string, string[], Record<string, string>]>([
    ["--yes", ["--yes"], {}],
    ["CI", [], { CI: "true" }],
  ])("asks nothing with %s", async (_, args, env) => {
    const t = start(["build", "--print", ...args], env);
    expect(await t.end()).toBe(0);
    expect(t.text).not.toContain("Which");
    expect(t.text).toContain("no target given: amd64 minimal");
  });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control characters
const colours = /\x1b\[[\d;]*m/;

test("colours are there in a terminal, and not with NO_COLOR", async () => {
  const coloured = start(["list"]);
  expect(await coloured.end()).toBe(0);
  expect(coloured.raw).toMatch(colours);
  const plain = start(["list"], { NO_COLOR: "1" });
  expect(await plain.end()).toBe(0);
  expect(plain.raw).not.toMatch(colours);
  expect(plain.text).toBe(coloured.text);
});

describe("new-flavor", () => {
  test("asks for everything, says what is wrong with a name at once, and writes the flavor", async () => {
    const t = start(["new-flavor"]);
    await t.see("What is it called?");
    t.press("cosmic", enter);
    await t.see("there is a flavor cosmic already");
    t.press("\x15", "dark", " shiny", "\x17", "\x15", "shiny", enter); // Ctrl-U, Ctrl-W
    await t.see("Its title");
    await t.see("Shiny");
    t.press("Shiny", " wrong", "\x17", "\x14", enter); // Ctrl-W; a key without a meaning writes nothing
    await t.see("What is it based on?");
    await t.see("❯   minimal");
    t.press(down, down, enter); // none, then around to the first: base
    await t.see("For which arches?");
    await t.see("v3");
    t.press(space, enter); // all are marked: this takes the first away
    await t.see("Which display manager?");
    t.press(down, down, enter); // none, gdm, sddm
    await t.see("next: look at flavors/shiny.yaml, then bun run build v3 shiny");
    expect(await t.end()).toBe(0);
    const yaml = readFileSync(join(project.root, "flavors/shiny.yaml"), "utf8");
    for (const line of [
      "title: Shiny\n",
      "\nrecipe: desktop ",
      "\nfrom: base ",
      "\narches: [v3]\n",
      "\ndisplayManager: sddm\n",
    ])
      expect(yaml).toContain(line);
    expect((await project.slipway("build", "v3", "shiny", "--print")).code).toBe(0);
  });

  test("asks only for what the options leave open", async () => {
    const t = start(["new-flavor", "web", "--title", "Web server", "--from", "minimal"]);
    await t.see("Which display manager?");
    t.press(enter);
    expect(await t.end()).toBe(0);
    for (const question of ["called?", "title", "based on?", "arches?"]) expect(t.text).not.toContain(question);
  });

  test("Ctrl-C at any question writes nothing", async () => {
    const t = start(["new-flavor", "web"]);
    await t.see("Its title");
    t.press(enter);
    await t.see("What is it based on?");
    t.press(interrupt);
    expect(await t.end()).toBe(130);
    expect(existsSync(join(project.root, "flavors/web.yaml"))).toBe(false);
    expect(existsSync(join(project.root, "overlays/web"))).toBe(false);
  });
});

describe("clean", () => {
  const log = () => join(project.root, ".slipway/logs/old.log");
  /** A PATH without podman: only files are looked at. */
  const env = { PATH: "/nowhere" };

  test.each([
    ["no", enter, true],
    ["yes", "y", false],
  ])("shows what there is, asks, and takes %s for an answer", async (_, key, kept) => {
    project.write(".slipway/logs/old.log", "x".repeat(1500));
    const t = start(["clean"], env);
    await t.see("1.5 kB");
    await t.see("Remove this?");
    t.press(key);
    expect(await t.end()).toBe(0);
    expect(existsSync(log())).toBe(kept);
  });

  test("Ctrl-C removes nothing", async () => {
    project.write(".slipway/logs/old.log", "x");
    const t = start(["clean"], env);
    await t.see("Remove this?");
    t.press(interrupt);
    expect(await t.end()).toBe(130);
    expect(existsSync(log())).toBe(true);
  });
});

describe("run asks before it installs system packages", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine().bun("1.4.5").asRoot().program("apt-get");
  });
  afterEach(() => machine.remove());

  async function ask(): Promise<Terminal> {
    mkdirSync(join(machine.clone, "node_modules"), { recursive: true });
    terminal = new Terminal([join(machine.clone, "run"), "build"], machine.env, machine.root);
    await terminal.see("missing on this machine: podman runc mmdebstrap");
    await terminal.see("apt-get install -y --no-install-recommends podman runc mmdebstrap");
    await terminal.see("Run this now? [Y/n] ");
    return terminal;
  }

  test("yes: it installs and goes on", async () => {
    const t = await ask();
    t.press(enter);
    expect(await t.end()).toBe(0);
    expect(machine.calls.slice(-3)).toEqual([
      "apt-get update -qq",
      "apt-get install -y --no-install-recommends podman runc mmdebstrap",
      "bun run build",
    ]);
  });

  test.each([
    ["no", "n\r", 3],
    ["the end of input", "\x04", 3],
    ["Ctrl-C", interrupt, 130],
  ])("%s: nothing is installed, nothing is run", async (_, key, code) => {
    const t = await ask();
    t.press(key);
    expect(await t.end()).toBe(code);
    expect(machine.calls).toEqual(["bun install --frozen-lockfile --ignore-scripts --no-progress --no-summary"]);
  });
});
