// needs: debian
// reaches: completions run tests/samples/family/
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureLocalDebian } from "../../lib/tools/debian-image.ts";
import { podman, podmanEnv } from "../../lib/tools/podman.ts";
import { SampleProject } from "../support/sample-family.ts";
import { checkout, exec, testStorage } from "../support/sandbox.ts";
import { keys, Terminal } from "../support/terminal.ts";

// The completions in the shells themselves. bash is on every machine that Slipway runs on; zsh and fish come from the
// machine where it has them, else from a container, so that no test is left out.

setDefaultTimeout(300_000);

let terminal: Terminal | undefined;
let inContainer: string[] = [];
/** Where the shells find Bun under its own name. */
const bin = mkdtempSync(join(tmpdir(), "slipway-"));
const project = new SampleProject();
const found = { PATH: `${bin}:${process.env.PATH}`, SLIPWAY_PROJECT: project.root };

const mark = `slipway-shells=${process.pid}`;

async function prepareContainer(): Promise<void> {
  Object.assign(process.env, testStorage());
  const base = await ensureLocalDebian("trixie");
  const recipe = `FROM ${base}\nRUN apt-get -q update && apt-get -q install -y --no-install-recommends zsh fish\n`;
  const tag = "localhost/slipway-test/shells:trixie";
  const context = mkdtempSync(join(tmpdir(), "slipway-"));
  writeFileSync(join(context, "Containerfile"), recipe);
  const built = await podman(["build", "--network", "host", "--tag", tag, context]);
  rmSync(context, { recursive: true });
  if (built.code !== 0) throw new Error(built.said);
  const mounts = [checkout, project.root].map((folder) => `--volume=${folder}:${folder}`);
  const run = ["podman", "run", "--rm", "--interactive", "--tty", "--network", "none", `--label=${mark}`];
  const words = [`--volume=${process.execPath}:/usr/local/bin/bun:ro`, `--env=SLIPWAY_PROJECT=${project.root}`];
  inContainer = [...run, ...mounts, ...words, "--workdir", checkout, tag];
}

async function start(shell: string, ...args: string[]): Promise<Terminal> {
  const env = Bun.which(shell) ? found : await podmanEnv();
  terminal = new Terminal([...(Bun.which(shell) ? [] : inContainer), shell, ...args], env);
  return terminal;
}

beforeAll(async () => {
  symlinkSync(process.execPath, join(bin, "bun"));
  if (!Bun.which("zsh") || !Bun.which("fish")) await prepareContainer();
});

afterAll(async () => {
  rmSync(bin, { recursive: true });
  project.remove();
  // A shell that a test has ended leaves its container.
  const { stdout } = await podman(["ps", "--all", "--quiet", "--filter", `label=${mark}`]);
  const left = stdout.split("\n").filter(Boolean);
  if (left.length) await podman(["rm", "--force", "--time", "1", ...left]);
});

afterEach(async () => {
  await terminal?.close();
  terminal = undefined;
});

/** What a person does: a command, an arch, a flavor, an option, then the same through bun. */
async function tabThrough(shell: Terminal): Promise<void> {
  shell.press("./run buil", keys.tab);
  await shell.see("./run build ");
  shell.press("v", keys.tab);
  await shell.see("v3 ");
  shell.press("gam", keys.tab);
  await shell.see("gamestation ");
  shell.press("--dry", keys.tab);
  await shell.see("--dry-run");
  shell.press("\x15bun run mat", keys.tab);
  await shell.see("bun run matrix");
}

test("bash", async () => {
  const bash = await start("bash", "--norc", "--noprofile");
  bash.press(`eval "$(bun run completions bash)"; echo rea''dy`, keys.enter);
  await bash.see("ready\n");
  await tabThrough(bash);
  bash.press("\x15bun run build znver4 ", keys.tab, keys.tab);
  await bash.see(/all +base +cosmic +gamestation +gnome/);
});

test("bash: what completed bun before still does for bun's other commands, also when loaded twice", async () => {
  const script = `
    before() { COMPREPLY=(from-before); }
    complete -F before bun
    eval "$(bun run completions bash)"; eval "$(bun run completions bash)"
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _slipway; echo "\${COMPREPLY[*]}"; }
    try bun ins; try bun run matr; cd /; try bun run matr; try ${checkout}/run matr; try ./run matr`;
  const { stdout } = await exec(["bash", "--norc", "-c", script], found);
  expect(stdout.split("\n")).toEqual(["from-before", "matrix", "from-before", "matrix", "", ""]);
});

test("zsh", async () => {
  const zsh = await start("zsh", "-f");
  zsh.press(`PS1='> '; autoload -U compinit; compinit -D -u; eval "$(bun run completions zsh)"; echo rea''dy`);
  zsh.press(keys.enter);
  await zsh.see("ready\n");
  await tabThrough(zsh);
  zsh.press("\x15./run build znver4 ", keys.tab);
  await zsh.see("every flavor of znver4");
});

test("fish", async () => {
  const ask = (line: string) => `complete -C '${line}'; echo end`;
  const script = ["bun run completions fish | source", ask("./run buil"), ask("./run build v3 ga"), ask("bun run mat")];
  const fish = await start("fish", "--no-config", "-c", [...script, "cd /", ask("./run buil")].join("; "));
  await fish.see(/build\tmake images from flavors\nend\n/);
  await fish.see(/gamestation\t.*\nend\n/);
  await fish.see(/matrix\t.*\nend\n/);
  await fish.see(/^end\n/);
  expect(await fish.end()).toBe(0);
});
