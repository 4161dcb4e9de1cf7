import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { textOf } from "../system/state-file.ts";
import type { Progress } from "../system/steps.ts";
import { tool } from "../tools/tools.ts";
import { accelerator } from "./accelerator.ts";
import { copyVariables, firmware } from "./firmware.ts";
import { claim, noteChild, qemuOf, release } from "./machines.ts";
import { BootWatch, lastLines, type Phase } from "./phases.ts";
import { freePort, needFree, type Port } from "./ports.ts";
import { guestStrings, inFolder, type Machine, qemuArguments, shareTag } from "./qemu.ts";
import { readyCredentials } from "./ready-unit.ts";
import { Guest } from "./session.ts";
import { startBeside } from "./sidecars.ts";
import { machineKey } from "./ssh.ts";

export type { Guest } from "./session.ts";

export interface GuestOptions {
  /** Its name among the machines of this checkout. */
  name: string;
  /** A raw or qcow2 file. */
  disk: string;
  /** Nothing that it writes is kept. */
  snapshot: boolean;
  /** Of what image, for lists. */
  image?: string;
  /** Started without firmware. */
  kernel?: { kernel: string; initrd: string; cmdline: string };
  /** MiB. */
  memory?: number;
  cpus?: number;
  kargs?: string[];
  /** By name. */
  credentials?: Record<string, string>;
  ports?: Port[];
  /** A folder that the guest finds at /run/share (virtiofs, tag `share`). */
  share?: string;
  tpm?: boolean;
  /** The store of the firmware's variables that has the keys. */
  secureBoot?: { variables: string };
  window?: boolean;
  /** It runs on when this process ends. */
  detached?: boolean;
  /** Told each phase that is reached, with the seconds since the start. */
  phase?: (phase: Phase, seconds: number) => void;
}

/**
 * Starts a machine. Its firmware begins at once; `ready` waits for it.
 * @throws Failure
 */
export async function startGuest(options: GuestOptions, progress?: Progress): Promise<Guest> {
  const { name, disk, snapshot, memory = 2048, cpus = 2, ports = [], detached = false } = options;
  const told = progress ? { progress } : {};
  needFree(ports);
  // found before the name is taken: they may have to be built
  const fast = await accelerator(progress);
  const rom = options.kernel ? undefined : await firmware(!!options.secureBoot, progress);
  const sshPort = freePort();
  const about = { name, image: options.image, disk, snapshot, memory, cpus, ports, ssh: sshPort };
  const folder = claim(about, detached);
  try {
    const nonce = crypto.randomUUID();
    const key = await machineKey(folder);
    const credentials = {
      "ssh.authorized_keys.root": key,
      ...readyCredentials(nonce),
      ...(options.share === undefined ? {} : { "fstab.extra": `${shareTag} /run/share virtiofs nofail 0 0\n` }),
      ...options.credentials,
    };
    const strings = guestStrings(credentials, options.kernel ? [] : (options.kargs ?? [])).map((text, i) => {
      writeFileSync(join(folder, `string-${i}`), text, { mode: 0o600 });
      return `string-${i}`;
    });
    const variables = options.secureBoot ? { variables: options.secureBoot.variables } : rom;
    const machine: Machine = {
      name,
      accelerator: fast,
      memory,
      cpus,
      disk: { path: resolve(disk), format: disk.endsWith(".qcow2") ? "qcow2" : "raw", snapshot },
      firmware: rom &&
        variables && {
          code: rom.code,
          variables: copyVariables({ ...rom, ...variables }, folder),
          secure: !!options.secureBoot,
        },
      kernel: options.kernel && {
        ...options.kernel,
        cmdline: [options.kernel.cmdline, ...(options.kargs ?? [])].join(" "),
      },
      ports: [{ host: sshPort, guest: 22 }, ...ports],
      window: options.window ?? false,
      ...(await startBeside(folder, options, told)),
      strings,
    };
    const log = join(folder, "..", "console.log");
    renameOld(log);
    const mounts = [resolve(disk, ".."), ...(options.kernel ? [resolve(options.kernel.kernel, "..")] : [])];
    const words = await tool("qemu-system-x86_64", { cwd: folder, mounts, outlives: true, ...told });
    return await launch(machine, words, folder, options, nonce);
  } catch (error) {
    release(name);
    throw error;
  }
}

/** The console of the boot before is kept beside. */
function renameOld(log: string): void {
  try {
    renameSync(log, `${log}.1`);
  } catch {
    // there was none
  }
}

/** QEMU starts within moments; the container around it, on a busy machine, takes its time. */
const startPatience = 240_000;

async function launch(
  machine: Machine,
  words: string[],
  folder: string,
  options: GuestOptions,
  nonce: string,
): Promise<Guest> {
  const { name } = machine;
  const began = performance.now();
  const said = join(folder, "..", "qemu.log");
  writeFileSync(said, "");
  // a session of its own: the terminal's Ctrl-C is for the command, which then ends the machine
  // Not by zx: a guest outlives this process, in a session of its own.
  const child = Bun.spawn(["setsid", ...words, ...qemuArguments(machine)], {
    cwd: folder,
    stdio: ["ignore", Bun.file(said), Bun.file(said)],
    env: process.env,
  });
  noteChild(name, child.pid);
  const watch = new BootWatch(nonce, () => (performance.now() - began) / 1000, options.phase);
  const forget = options.detached ? () => undefined : onInterrupt(() => guest.kill());
  const guest = new Guest(name, folder, machine.ports[0]?.host ?? 0, child, watch, forget);
  if (options.detached) child.unref();
  while (qemuOf(name) === undefined || !existsSync(inFolder(folder, "control"))) {
    guest.needRunning();
    if (performance.now() - began > startPatience) {
      await guest.kill();
      throw new Failure(exit.failed, `${name}: QEMU did not start`, {
        tried: lastLines(textOf(said, "latin1"), 4),
        log: said,
      });
    }
    await Promise.race([Bun.sleep(50), child.exited]);
  }
  return guest;
}
