import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { statePath } from "../../lib/system/project.ts";
import type { Progress } from "../../lib/system/steps.ts";
import { podmanEnv } from "../../lib/tools/podman.ts";
import { type DiskOptions, makeDisk, usualDisk } from "../../lib/vm/disk/disk.ts";
import { type Guest, type GuestOptions, startGuest } from "../../lib/vm/guest.ts";
import { remoteLine, sshWords } from "../../lib/vm/ssh.ts";
import { exec, testStorage } from "./sandbox.ts";
import { waiting } from "./spans.ts";
import { Terminal } from "./terminal.ts";

/** A machine that does other things too emulates guests slowly: a test that is given up for that would say nothing. */
const patience = 900_000;

/**
 * Units that no test looks at, and that an emulated processor needs seconds for: the user manager each time a test logs in as root, the
 * other two in each boot. A condition that does not hold is no failure, so the machine still counts as healthy.
 */
const leftOut = Object.fromEntries(
  ["user@0", "systemd-timesyncd", "systemd-resolved"].map((unit) => [
    `systemd.unit-dropin.${unit}.service`,
    "[Unit]\nConditionPathExists=!/\n",
  ]),
);

/** A machine of a test: a disk of its own, which keeps what is written from boot to boot, and the guest that runs on it. */
export class TestMachine {
  private running: Guest | undefined;
  private kernel: GuestOptions["kernel"];

  readonly folder: string;
  readonly disk: string;
  private readonly progress: Progress;

  /** @param name of the guest, and of the folder that has its disk. */
  constructor(readonly name: string) {
    this.folder = dirname(statePath("test", "vm", name, "x"));
    this.disk = join(this.folder, "disk.raw");
    this.progress = { log: join(this.folder, "log"), now: () => undefined };
  }

  get guest(): Guest {
    if (!this.running) throw new Error(`${this.name} is not running`);
    return this.running;
  }

  /** Takes a copy of an image's disk, to be booted without firmware. */
  async take(reference: string, options: Partial<DiskOptions>): Promise<void> {
    await waiting("disk", () => this.copyDisk(reference, options));
  }

  private async copyDisk(reference: string, options: Partial<DiskOptions>): Promise<void> {
    Object.assign(process.env, testStorage(), await podmanEnv());
    const made = await makeDisk(reference, { ...usualDisk, ...options }, this.progress);
    const { code, stderr } = await exec(["cp", "--sparse=always", made.path, this.disk]);
    if (code !== 0) throw new Error(stderr);
    if (made.kernel === undefined || made.initrd === undefined) throw new Error(`${reference} has no kernel`);
    const beside = (path: string, name: string) => {
      cpSync(path, join(this.folder, name));
      return join(this.folder, name);
    };
    const [kernel, initrd] = [beside(made.kernel, "linux"), beside(made.initrd, "initrd")];
    this.kernel = { kernel, initrd, cmdline: made.cmdline };
  }

  async start(options: Partial<GuestOptions> = {}): Promise<void> {
    Object.assign(process.env, testStorage(), await podmanEnv());
    mkdirSync(this.folder, { recursive: true });
    const { name, disk } = this;
    const direct = this.kernel ? { kernel: this.kernel } : {};
    this.running = await startGuest(
      // one processor: two guests side by side get more done than one after the other with two each
      {
        ...{ name, disk, snapshot: false, memory: 1024, cpus: 1, ...direct, ...options },
        credentials: { ...leftOut, ...options.credentials },
      },
      this.progress,
    );
  }

  /** Starts it and waits until its default target is reached and ssh answers. */
  async boot(options: Partial<GuestOptions> = {}): Promise<void> {
    await this.start(options);
    await this.up();
  }

  /** Restarts it in an orderly way. */
  async reboot(): Promise<void> {
    await waiting("boot", () => this.guest.reboot(patience));
    await this.up();
  }

  /** Boots it again with all that it has written, without the half minute that an orderly end takes. */
  async restart(options: Partial<GuestOptions> = {}): Promise<void> {
    await this.sh("sync");
    await this.cut();
    await this.boot(options);
  }

  async up(): Promise<void> {
    await waiting("boot", async () => {
      await this.guest.ready("target", patience);
      await this.guest.ready("ssh", patience);
    });
  }

  /** The power is cut. */
  async cut(): Promise<void> {
    await this.guest.kill();
    this.running = undefined;
  }

  /** Runs lines of shell, of which each must succeed. @returns what they said. */
  sh(script: string): Promise<string> {
    return waiting("guest", () => this.guest.must(["sh", "-ec", script]));
  }

  /** Runs a line of shell on a terminal, where somebody types. */
  async terminal(line: string): Promise<Terminal> {
    const { folder, sshPort } = this.guest;
    const words = [...(await sshWords(folder, sshPort, true)), ...remoteLine([line])];
    return new Terminal(words, {}, folder, patience);
  }

  /**
   * Looks at several things at once; each connection costs an emulated machine a second.
   * @param probes lines of shell, by name.
   * @returns what each said, without the last line's end; where it failed, with its exit code in brackets.
   */
  async look<K extends string>(probes: Record<K, string>): Promise<Record<K, string>> {
    const script = Object.entries<string>(probes)
      .map(([name, line]) => `printf '\\000%s\\n' '${name}'\n(\n${line}\n) 2>&1 </dev/null || echo "[$?]"`)
      .join("\n");
    const said = await waiting("guest", () => this.guest.must(["sh"], { stdin: `${script}\n` }));
    const parts = said.split("\0").slice(1);
    const found = parts.map((part): [string, string] => {
      const end = part.indexOf("\n");
      return [part.slice(0, end), part.slice(end + 1).trimEnd()];
    });
    return Object.fromEntries(found) as Record<K, string>;
  }

  /** Nothing is left of it. */
  async remove(): Promise<void> {
    await this.running?.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
