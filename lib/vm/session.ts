import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { run } from "../system/shell.ts";
import { textOf } from "../system/state-file.ts";
import { killMachine, machineFolder, qemuOf, release, shutDown, wasStopped } from "./machines.ts";
import { type BootWatch, lastLines, type Phase } from "./phases.ts";
import { sshGreets } from "./ports.ts";
import { inFolder } from "./qemu.ts";
import { ask } from "./qmp.ts";
import { readyMark } from "./ready-unit.ts";
import { remoteLine, sshFailed, sshWords } from "./ssh.ts";

/** How long a boot may take before it is given up: an emulated machine on a busy host is slow. */
const usualPatience = 300_000;

/**
 * Milliseconds of a quiet console after which ssh is tried, and tried again: not every guest tells that it has an sshd.
 * While the console talks nobody knocks: QEMU keeps each knock for the guest, whose sshd then starts a process for it.
 */
const quiet = 5000;

/** A virtual machine that was started. */
export class Guest {
  /** Seconds, by phase that was reached. */
  readonly reached: ReadonlyMap<Phase, number>;
  private heard = 0;
  private heardAt = performance.now();
  private ended: number | undefined;

  /** @param child QEMU, or the toolbox's container around it. */
  constructor(
    readonly name: string,
    readonly folder: string,
    readonly sshPort: number,
    private readonly child: Bun.Subprocess,
    private readonly watch: BootWatch,
    private readonly forget: () => void,
  ) {
    this.reached = watch.reached;
    void child.exited.then((code) => {
      this.ended = code;
      this.forget();
      release(name);
    });
  }

  /** What the machine said on its serial port, all of it. */
  console(): string {
    return this.heardBytes().toString("utf8");
  }

  private heardBytes(): Buffer {
    try {
      return readFileSync(join(machineFolder(this.name), "console.log"));
    } catch {
      return Buffer.alloc(0);
    }
  }

  /** Whether QEMU runs. */
  get running(): boolean {
    return this.ended === undefined;
  }

  /** Whether its system came up. */
  get isUp(): boolean {
    this.listen();
    return this.watch.reached.has("target") || this.watch.reached.has("ssh");
  }

  /** What the guest writes to its console for us alone. */
  get mark(): string {
    return readyMark(this.watch.nonce);
  }

  /** Ends when QEMU has, with its exit code. */
  get exited(): Promise<number> {
    return this.child.exited;
  }

  private listen(): void {
    const bytes = this.heardBytes();
    if (bytes.length === this.heard) return;
    this.watch.hear(bytes.subarray(this.heard).toString("latin1"));
    this.heard = bytes.length;
    this.heardAt = performance.now();
  }

  private failure(what: string, next: string): Failure {
    this.listen();
    const log = join(machineFolder(this.name), "console.log");
    return new Failure(exit.failed, `${this.name}: ${what}; ${this.watch.last()}`, {
      tried: ["the console's last lines:", ...lastLines(this.console()).map((line) => `  ${line}`)],
      next,
      log,
    });
  }

  /** @throws Failure where QEMU is gone */
  needRunning(): void {
    if (this.ended === undefined) return;
    if (wasStopped(this.name))
      throw new Failure(exit.failed, `${this.name} was stopped by another command; ${this.watch.last()}`);
    const said = lastLines(textOf(join(machineFolder(this.name), "qemu.log"), "latin1"), 4);
    throw new Failure(exit.failed, `${this.name}: QEMU ended (exit code ${this.ended}); ${this.watch.last()}`, {
      tried: [...said, ...lastLines(this.console(), 4).map((line) => `console: ${line}`)],
      next: "see its words; bun run doctor says which QEMU and accelerator are used",
      log: join(machineFolder(this.name), "qemu.log"),
    });
  }

  /**
   * Waits until the machine is up.
   * @param until `ssh`: a command was run in it. `target`: it told its nonce when the default target was reached.
   * @throws Failure with the phase that was reached and the console's last lines
   */
  async ready(until: "ssh" | "target" = "ssh", patience = usualPatience): Promise<void> {
    const deadline = performance.now() + patience;
    let trying: Promise<void> | undefined;
    let tried = performance.now();
    const gone = this.child.exited;
    for (;;) {
      this.listen();
      if (this.watch.reached.has(until)) return;
      this.needRunning();
      if (this.watch.end !== undefined)
        throw this.failure(`the boot failed: ${this.watch.end}`, `look at the console: bun run vm log ${this.name}`);
      if (performance.now() > deadline)
        throw this.failure(`not up after ${patience / 1000} s`, "see the console's log; a busy machine needs longer");
      const due =
        this.watch.sshd ||
        this.watch.reached.has("target") ||
        performance.now() - Math.max(tried, this.heardAt) > quiet;
      if (until === "ssh" && !trying && due) {
        tried = performance.now();
        trying = this.greet(gone).then(() => {
          trying = undefined;
        });
      }
      await Promise.race([Bun.sleep(200), gone]);
    }
  }

  /** Tries ssh once, where there is an sshd to try it with. */
  private async greet(gone: Promise<number>): Promise<void> {
    const trying = sshGreets(this.sshPort).then((greets) => (greets ? this.ssh(["true"]) : undefined));
    const outcome = await Promise.race([trying, gone.then(() => undefined)]);
    if (outcome?.code === 0) this.watch.reach("ssh");
    else await Promise.race([Bun.sleep(200), gone]);
  }

  /**
   * Runs a command in the guest as root. The words are passed as they are; for a line of shell: `["sh", "-c", line]`.
   * @returns its exit code (255 where ssh did not come through) and what it said.
   */
  async ssh(
    words: readonly string[],
    options: { stdin?: string } = {},
  ): Promise<{ code: number; out: string; err: string }> {
    const argv = [...(await sshWords(this.folder, this.sshPort, false)), ...remoteLine(words)];
    const { code, stdout, stderr } = await run(argv, { cwd: this.folder, ...options });
    return { code, out: stdout, err: stderr };
  }

  /** The same for a command that must succeed. @returns what it said on stdout. @throws Failure */
  async must(words: readonly string[], options: { stdin?: string } = {}): Promise<string> {
    const { code, out, err } = await this.ssh(words, options);
    if (code === 0) return out;
    throw new Failure(exit.failed, `${this.name}: \`${words.join(" ")}\` ended with ${code}`, {
      tried: `${out}\n${err}`.trim().split("\n").slice(-6),
    });
  }

  /** Restarts the guest in an orderly way and waits until another boot of it answers. */
  async reboot(patience = usualPatience): Promise<void> {
    const before = (await this.must(["cat", "/proc/sys/kernel/random/boot_id"])).trim();
    await this.ssh(["systemctl", "reboot"]);
    const deadline = performance.now() + patience;
    for (;;) {
      await Bun.sleep(500);
      this.needRunning();
      const { code, out } = await this.ssh(["cat", "/proc/sys/kernel/random/boot_id"]);
      if (code === 0 && out.trim() !== before) return;
      if (performance.now() > deadline)
        throw this.failure(`not up again ${patience / 1000} s after a reboot`, "see the console's log");
    }
  }

  /**
   * Turns the machine off as its power button would, and waits for its end; after a while its power is cut.
   * @param quick units are not stopped in their order: all processes end, and the file systems are unmounted.
   */
  async powerOff(quick = false): Promise<void> {
    const said = await this.ssh(["systemctl", "poweroff", ...(quick ? ["--force"] : [])]).catch(
      (): undefined => undefined,
    );
    if (said?.code === sshFailed)
      await ask(inFolder(this.folder, "control"), "system_powerdown").catch(() => undefined);
    await shutDown(this.name);
    await this.kill();
  }

  /** SIGKILL for QEMU: what a power cut is to the guest. Nothing of the machine is left but its disk and its console's log. */
  async kill(): Promise<void> {
    this.forget();
    await killMachine(this.name);
    if (this.ended === undefined) this.child.kill("SIGKILL");
    await this.child.exited;
    release(this.name);
  }

  /** Writes what its screen shows, as PNG. */
  async screenshot(file: string): Promise<void> {
    // QEMU writes where it is allowed to: in the container that is the machine's own folder
    const made = join(this.folder, "screen.png");
    await ask(inFolder(this.folder, "control"), "screendump", { filename: made, format: "png" });
    writeFileSync(resolve(file), readFileSync(made));
  }

  /** Bytes of memory that QEMU had at most. Source: proc_pid_status(5). */
  peakMemory(): number {
    const pid = qemuOf(this.name)?.pid;
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(textOf(`/proc/${pid}/status`, "latin1"))?.[1];
    return Number(kilobytes ?? 0) * 1024;
  }
}
