import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { kindOf, waiting } from "./spans.ts";

/** The checkout under test. */
export const checkout = resolve(import.meta.dir, "../..");

/**
 * Podman's storage for tests. `./run test` gives each file a store of its own, below which lie the images that all files share and
 * none changes. Without the runner it is one store for all, kept between runs.
 * Its path is short: podman puts sockets and overlay options below it, and those have limits.
 */
export function testStorage(): Record<string, string> {
  const home = process.env.SLIPWAY_TEST_STORE ?? join(checkout, ".slipway/test");
  const shared = process.env.SLIPWAY_TEST_IMAGES;
  mkdirSync(home, { recursive: true });
  const conf = join(home, "storage.conf");
  const below = shared === undefined || shared === home ? "" : `additionalimagestores = ["${join(shared, "graph")}"]\n`;
  const text = `[storage]
driver = "overlay"
graphroot = "${join(home, "graph")}"
runroot = "${join(home, "run")}"
[storage.options]
${below}`;
  writeFileSync(`${conf}.${process.pid}`, text);
  renameSync(`${conf}.${process.pid}`, conf);
  return { CONTAINERS_STORAGE_CONF: conf };
}

/** What runs on this machine, each with its words. */
export function commandLines(): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${Number(pid)}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch {
      return []; // no process, or none any more
    }
  });
}

export interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program without a terminal and waits for its end. */
export function exec(argv: string[], env: Record<string, string> = {}, cwd = checkout): Promise<Said> {
  return waiting(kindOf(argv), () => spawn(argv, env, cwd));
}

async function spawn(argv: string[], env: Record<string, string>, cwd: string): Promise<Said> {
  const child = Bun.spawn(argv, {
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...env },
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/** The family's default image, and its name while no test has taken it. */
export const minimal = "ghcr.io/guara92/guaraos-minimal:amd64";
export const madeMinimal = "localhost/slipway-tests/minimal:latest";

/** The beginning of a folder's name with all that options of podman, skopeo and QEMU end a path at. */
export const oddName = 'slipway-a,b:c d="e"-';

/** A project of its own: a copy of the family, to be changed by a test. */
export class Project {
  readonly root: string;
  readonly env: Record<string, string>;

  /**
   * @param parts what is copied from the checkout.
   * @param name how the name of its folder begins.
   */
  constructor(parts = ["flavors", "overlays", "containerfiles", "guaraos.pub", ".containerignore"], name = "slipway-") {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), name)));
    for (const part of parts) cpSync(join(checkout, part), join(this.root, part), { recursive: true });
    this.env = { ...testStorage(), SLIPWAY_PROJECT: this.root, CI: "true" };
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.root, path, ".."), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /**
   * A family in place of the copied one, on Debian trixie, with images `localhost/slipway-NAME-test/t-FLAVOR:amd64`.
   * @param flavor the default one.
   */
  family(name: string, flavor: string): void {
    this.write(
      "flavors/family.yaml",
      `name: test
title: Test
registry: localhost/slipway-${name}-test
prefix: t
key: guaraos.pub
default: {arch: amd64, flavor: ${flavor}}
arches: {amd64: {base: {debian: trixie}}}
`,
    );
  }

  /** Runs one of the project's commands, such as `slipway("build", "amd64", "minimal")`. */
  slipway(name: string, ...args: string[]): Promise<Said> {
    return exec([process.execPath, join(checkout, "scripts", `${name}.ts`), ...args], this.env);
  }

  /** Runs podman on the tests' storage, set up as Slipway sets it up on this machine. */
  async podman(...args: string[]): Promise<Said> {
    return exec(["podman", ...args], { ...(await podmanEnv()), ...this.env });
  }

  /**
   * Takes the default image as it was made for all tests (tests/needs/minimal.ts): a build of it then finds nothing to do.
   * It gets an empty layer: podman 4.3 cannot mount an image when its top layer is in a read-only store.
   */
  async takeMinimal(): Promise<void> {
    if ((await this.podman("image", "exists", madeMinimal)).code !== 0) return;
    this.write(".slipway/taken.Containerfile", `FROM ${madeMinimal}\nRUN true\n`);
    const words = ["build", "--quiet", "--format=oci", "--timestamp=0", "--tag", minimal];
    const file = join(this.root, ".slipway/taken.Containerfile");
    const { code, stderr } = await this.podman(...words, "--file", file, join(this.root, ".slipway"));
    if (code !== 0) throw new Error(stderr);
  }

  /** Removes the images whose name begins so: after a test what it made, before one what a killed run left. */
  async removeImages(prefix: string): Promise<void> {
    const { stdout } = await this.podman("image", "ls", "--format", "{{.Repository}}:{{.Tag}}");
    const mine = stdout.split("\n").filter((name) => name.startsWith(prefix));
    if (mine.length) await this.podman("rmi", "--force", ...mine);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
