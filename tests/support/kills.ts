import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokenImages, readList } from "../../lib/system/podman-store.ts";
import { withChildren } from "../../lib/system/process.ts";
import { checkout, exec, Project, type Said } from "./sandbox.ts";
import { tiny } from "./small-images.ts";

/** Commands are killed at many moments; then all is looked at that a kill may leave. */

export type Kill = "SIGINT" | "SIGKILL";

const recipe = `# @base
FROM \${BASE} AS overlay
# @overlay
FROM \${BASE}
COPY --from=overlay /overlay/ /
RUN echo last > /last
`;

/** What is killed, by name. Each has something to do every time. */
const commands: Record<string, (n: number) => string[]> = {
  build: () => ["amd64", "one"],
  lint: () => ["amd64", "one"],
  disk: (n) => ["amd64", "one", "--size", "1GiB", "--karg", `n=${n}`],
  rechunk: () => ["amd64", "one"],
  clean: () => ["--yes"],
};

export const killable = Object.keys(commands);

export interface Killed {
  command: string;
  signal: Kill;
  /** Milliseconds after its start. */
  after: number;
  /** Its own exit code; null where the signal ended it, undefined where it had ended before. */
  code: number | null | undefined;
  /** What was found that must not be. */
  left: string[];
}

export class Killing {
  readonly project = new Project([".containerignore", "guaraos.pub"]);
  private readonly temporary = mkdtempSync(join(tmpdir(), "sw-kills-"));
  private readonly store: string;
  private n = 0;
  /** How long each command takes when nobody kills it. */
  private readonly takes = new Map<string, number>();

  constructor() {
    const { project } = this;
    Object.assign(project.env, { TMPDIR: this.temporary });
    this.store = join(project.env.CONTAINERS_STORAGE_CONF ?? "", "..", "graph");
    project.write(
      "flavors/family.yaml",
      `name: kills
title: Kills
registry: localhost/slipway-kills-test
prefix: t
key: guaraos.pub
default: {arch: amd64, flavor: one}
arches: {amd64: {base: "${tiny}"}}
`,
    );
    project.write("flavors/one.yaml", "title: One\nrecipe: small\narches: [amd64]\n");
    project.write("containerfiles/small.Containerfile", recipe);
    for (const [path, text] of Object.entries({
      "usr/lib/modules/6.0/vmlinuz": "the kernel",
      "usr/lib/modules/6.0/initramfs.img": "the initramfs",
      "usr/lib/systemd/boot/efi/systemd-bootx64.efi": "the loader",
      "usr/lib/systemd/systemd": "",
    }))
      project.write(`overlays/one/${path}`, text);
  }

  /** Builds once, and takes each command's time. */
  async prepare(names = killable): Promise<void> {
    for (const name of new Set(["build", ...names])) {
      this.change();
      await this.good(name); // the first time it may find out about the machine
      this.change();
      const began = performance.now();
      await this.good(name);
      this.takes.set(name, performance.now() - began);
    }
  }

  private change(): void {
    this.project.write("overlays/one/etc/n", `${++this.n}\n`);
  }

  private words(name: string): string[] {
    return [process.execPath, join(checkout, "scripts", `${name}.ts`), ...(commands[name]?.(this.n) ?? [])];
  }

  private async good(name: string): Promise<Said> {
    const said = await exec(this.words(name), this.project.env);
    // lint finds something in an image that has no package manager
    if (said.code !== 0 && name !== "lint") throw new Error(`${name}: ${said.code}\n${said.stderr}`);
    return said;
  }

  /**
   * Kills a command and looks: after Ctrl-C at once, after SIGKILL when it was run again.
   * @param at which part of its usual time passes before
   */
  async kill(command: string, sig: Kill, at: number): Promise<Killed> {
    this.change();
    const after = Math.round(at * (this.takes.get(command) ?? 1000));
    const child = Bun.spawn(this.words(command), {
      cwd: checkout,
      env: { ...process.env, ...this.project.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const early = await Promise.race([child.exited, Bun.sleep(after)]);
    if (early === undefined) child.kill(sig);
    await child.exited;
    const left: string[] = [];
    if (early === undefined && sig === "SIGINT") {
      // until its signal handlers stand, which is a moment after the start, a program is ended by the signal itself
      if (child.exitCode !== 130 && child.exitCode !== 0 && child.signalCode !== "SIGINT")
        left.push(`exit code ${child.exitCode}: ${(await said).join("")}`);
      left.push(...(await this.leftovers()).map((what) => `at once: ${what}`));
    }
    if (sig === "SIGKILL") left.push(...(await this.again(command)));
    return { command, signal: sig, after, code: early === undefined ? child.exitCode : undefined, left };
  }

  /** Runs a command to its end. @returns what is wrong then. */
  private async again(command: string): Promise<string[]> {
    const left: string[] = [];
    try {
      const { stderr } = await this.good(command);
      if (/a bug in Slipway|corrupted|manifest/.test(stderr)) left.push(stderr);
    } catch (error) {
      left.push(`the next one fails: ${error instanceof Error ? error.message : error}`);
    }
    return [...left, ...(await this.leftovers())];
  }

  /** Everything that must not be there when no command runs. */
  async leftovers(): Promise<string[]> {
    const { project, store } = this;
    const run = join(project.root, ".slipway/run");
    const graph = { root: store, driver: "overlay" };
    const containers = readList<{ id: string }>(graph, "containers").map(({ id }) => `container ${id}`);
    const listed = await project.podman("image", "ls", "--all", "--quiet");
    // of a layer in a store that all files of a run share only podman knows
    const broken = brokenImages(graph).filter(({ why }) => why.includes("manifest"));
    return [
      ...containers,
      ...(existsSync(run) ? readdirSync(run) : []).map((name) => `.slipway/run/${name}`),
      ...readdirSync(this.temporary).map((name) => `TMPDIR/${name}`),
      ...halves(join(project.root, ".slipway")),
      ...mounts([project.root, store]),
      ...processes(project.root, store),
      ...broken.map(({ id, why }) => `image ${id}: ${why}`),
      ...(listed.code === 0 && listed.stderr === "" ? [] : [`podman image ls: ${listed.stderr}`]),
    ];
  }

  async remove(): Promise<void> {
    await this.project.removeImages("localhost/slipway-kills-test/");
    this.project.remove();
    rmSync(this.temporary, { recursive: true, force: true });
  }
}

/** Files and folders that wait for a rename. */
function halves(state: string): string[] {
  const half = /\.\d+(-\d+)?(\.\w+)?$/;
  const names = existsSync(state) ? readdirSync(state, { recursive: true, encoding: "utf8" }) : [];
  return names.filter((name) => half.test(name) && !name.startsWith("logs/")).map((name) => `.slipway/${name}`);
}

/** What is mounted below folders; podman itself mounts the folder of its layers over itself, for good. */
function mounts(folders: string[]): string[] {
  const places = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  const below = places.filter((place) => folders.some((folder) => place.startsWith(`${folder}/`)));
  return below.filter((place) => !place.endsWith("/graph/overlay")).map((place) => `mount ${place}`);
}

/** Programs that work for the project; conmon, which gets a clean environment, by the store. */
function processes(root: string, store: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${Number(pid)}/cmdline`, "utf8")
        .replaceAll("\0", " ")
        .trim();
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
      // conmon of a container that has just ended waits for podman to clear up
      const isMonitor = words.includes(`${store}/`) && withChildren(Number(pid)).length > 1;
      const isOurs = environment.includes(`SLIPWAY_PROJECT=${root}\0`) || isMonitor;
      return words && isOurs ? [`process ${pid}: ${words}`] : [];
    } catch {
      return [];
    }
  });
}

/** Where a folder for the store may lie: on a disk, under a short path. */
export function storeFolder(): string {
  const folder = mkdtempSync("/var/tmp/sw-k-");
  mkdirSync(folder, { recursive: true });
  return folder;
}
