// needs: debian
// reaches: build lib/host/ flavors/ overlays/ containerfiles/
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileWords } from "../../lib/builders/containerfile/context.ts";
import { commands } from "../../lib/cli/commands.ts";
import { machineNames } from "../../lib/host/names.ts";
import { sha256OfFile } from "../../lib/system/hash-file.ts";
import { installedNames, MachineProgram } from "../support/machine-program.ts";
import { checkout, exec, Project } from "../support/sandbox.ts";

// The program of people's machines: compiled, called by its names, and made by `bun run build` where a recipe wants it.

setDefaultTimeout(120_000);
let machine: MachineProgram;
beforeAll(async () => {
  machine = await MachineProgram.compile();
});
afterAll(() => machine.remove());

/** Nothing but the program: no Bun, no Node, no home, no checkout. */
const alone = (argv: string[], env: Record<string, string> = {}, cwd = "/") => {
  const words = ["env", "--ignore-environment", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  return exec([...words, ...argv], {}, cwd);
};

describe("called", () => {
  const rows = commands.flatMap((row) => (machineNames.commands[row.name] ?? []).map((name) => [name, row] as const));

  test.each(rows)("%s --help tells of the command under its own name", async (name, row) => {
    const { code, stdout, stderr } = await alone([join(machine.bin, name), "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(row.summary);
    expect(stdout).toMatch(new RegExp(`^${machineNames.commands[row.name]?.[0]} `));
    expect(stdout).not.toContain("bun run");
  });

  test.each(rows)("%s --nosuch is an error, and what to type next can be typed", async (name, row) => {
    const { code, stdout, stderr } = await alone([join(machine.bin, name), "--nosuch"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`next: ${machineNames.commands[row.name]?.[0]} --help`);
  });

  test("by its own name the first word says which command it is", async () => {
    const { code, stdout } = await alone([machine.program, "update", "-h"]);
    expect([code, stdout.split(" ")[0]]).toEqual([0, "guaraos-update"]);
    expect((await alone([machine.program, "guaraos-update", "-h"])).stdout).toBe(stdout);
  });

  test("with no word, or a wrong one, it lists its commands", async () => {
    const { code, stdout } = await alone([machine.program]);
    expect(code).toBe(0);
    for (const name of installedNames) expect(stdout).toContain(name);
    const wrong = await alone([machine.program, "upgrade"]);
    expect(wrong).toMatchObject({ code: 2, stdout, stderr: "program: no command `upgrade`\n" });
  });

  test("nothing is read from the folder where somebody stands", async () => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-"));
    writeFileSync(join(folder, ".env"), `PATH=${folder}\n`);
    writeFileSync(join(folder, "brew"), "#!/bin/sh\necho gotcha\n", { mode: 0o755 });
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./evil.ts"]\n');
    writeFileSync(join(folder, "evil.ts"), 'console.log("gotcha");\n');
    const said = await alone([join(machine.bin, "guaraos-update"), "-b"], {}, folder);
    rmSync(folder, { recursive: true });
    expect(said.code).toBe(3);
    expect(said.stdout + said.stderr).not.toContain("gotcha");
  });

  test("what reads the manifest is not in it", () => {
    const bytes = readFileSync(machine.program);
    const has = (part: string) => bytes.includes(part);
    expect(["guaraos-update", "YAMLParseError"].filter(has)).toEqual(["guaraos-update"]);
  });
});

test("the same sources give the same bytes, in another folder, under another umask", async () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-"));
  for (const part of ["lib", "package.json", "tsconfig.json"])
    cpSync(join(checkout, part), join(folder, part), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
  for (const name of [...Object.keys(dependencies), "kleur", "sisteransi"])
    cpSync(join(checkout, "node_modules", name), join(folder, "node_modules", name), { recursive: true });
  const other = join(folder, "program");
  const said = await exec(["sh", "-c", 'umask 077; exec "$@"', "sh", ...compileWords(other, machineNames)], {}, folder);
  expect(said.code).toBe(0);
  const digests = await Promise.all([machine.program, other].map(sha256OfFile));
  rmSync(folder, { recursive: true });
  expect(digests[1]).toBe(digests[0] ?? "");
});

describe("made by build", () => {
  let project: Project;
  const made = () => join(project.root, ".slipway/context/program");

  beforeAll(() => {
    project = new Project(["containerfiles", "overlays", "flavors", "guaraos.pub", ".containerignore"]);
  });
  afterAll(() => project.remove());

  test("--print makes what the Containerfile copies, executable for everybody", async () => {
    const { code, stdout, stderr } = await project.slipway("build", "amd64", "minimal", "--print");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "… compiling the program of people's machines\n" });
    expect(stdout).toContain("COPY .slipway/context/program /usr/libexec/guaraos/program\n");
    for (const name of installedNames) expect(stdout).toMatch(new RegExp(`^RUN for name in [^;]*\\b${name}\\b`, "m"));
    expect(statSync(made()).mode & 0o777).toBe(0o755);
    expect(await sha256OfFile(made())).toBe(await sha256OfFile(machine.program));
  });

  test("it stays while its sources stay, and comes back when it is gone", async () => {
    const { mtimeMs } = statSync(made());
    const again = await project.slipway("build", "amd64", "minimal", "--print");
    expect([again.stderr, statSync(made()).mtimeMs]).toEqual(["", mtimeMs]);
    rmSync(made());
    await project.slipway("build", "amd64", "minimal", "--print");
    expect(await sha256OfFile(made())).toBe(await sha256OfFile(machine.program));
    writeFileSync(made(), "cut short");
    await project.slipway("build", "amd64", "minimal", "--print");
    expect(await sha256OfFile(made())).toBe(await sha256OfFile(machine.program));
  });

  test("a flavor on another one has it from there", async () => {
    const { stdout } = await project.slipway("build", "v3", "gamestation", "--print");
    expect(stdout).not.toContain("program /usr/libexec");
    const base = await project.slipway("build", "v3", "base", "--print");
    expect(base.stdout).toContain("COPY .slipway/context/program");
  });

  test("a `.slipway` that leads out of the project is reported, since podman copies nothing from there", async () => {
    const outside = mkdtempSync(join(tmpdir(), "slipway-"));
    const other = new Project();
    await exec(["ln", "-s", outside, join(other.root, ".slipway")]);
    mkdirSync(join(outside, "logs"));
    const { code, stderr } = await other.slipway("build", "amd64", "minimal", "--print");
    other.remove();
    rmSync(outside, { recursive: true });
    expect(code).toBe(1);
    expect(stderr).toContain("leads out of the project");
  });
});
