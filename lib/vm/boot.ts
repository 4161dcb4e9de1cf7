/** `boot-vm` and `try`: a disk, a machine on it, and what the reader sees of it. */

import type { Target } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { bytes, say, seconds, warn } from "../system/output.ts";
import { runSteps, type Step } from "../system/steps.ts";
import { findTool } from "../tools/tools.ts";
import { probeKvm } from "./accelerator.ts";
import { attachConsole } from "./console.ts";
import type { Disk, DiskOptions } from "./disk/disk.ts";
import { diskOf } from "./disk/of-target.ts";
import { type Guest, startGuest } from "./guest.ts";
import { needFreeName } from "./machines.ts";
import type { MachineWish } from "./options.ts";
import { ownDisk } from "./own-disk.ts";
import type { Phase } from "./phases.ts";
import { secureBootKeys } from "./secure-boot.ts";
import { remoteLine, sshWords } from "./ssh.ts";

/** What a boot came to, for `--json`. */
export interface Booted {
  name: string;
  reference: string;
  disk: string;
  ssh: number;
  /** Seconds since its start, by phase. */
  phases: Partial<Record<Phase, number>>;
  /** Bytes. */
  peakMemory: number;
}

async function done<T>(step: Step<T>): Promise<T> {
  const [result] = await runSteps([step], 1);
  if (result?.state === "done") return result.value;
  // the step has told what happened
  if (result?.state === "failed") throw new Failure(result.error.code, `${step.title} failed`);
  throw new Failure(exit.failed, `${step.title} was left out`);
}

/** A window needs a display, and a QEMU of this machine: the toolbox's has none. */
async function windowTrouble(): Promise<string | undefined> {
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return "there is no display here";
  const qemu = await findTool("qemu-system-x86_64");
  return qemu.place === "host" ? undefined : "QEMU comes from the toolbox, which has no window";
}

/** What the reader sees: where there can be no window, the console if somebody can type. */
async function view(wish: MachineWish): Promise<MachineWish["show"]> {
  if (wish.show !== "window") return wish.show;
  const trouble = await windowTrouble();
  if (!trouble) return "window";
  const console = !!process.stdin.isTTY && !!process.stdout.isTTY;
  say(
    `${trouble}: ${console ? "here is its console (Ctrl-] leaves it)" : "it runs until it turns itself off or is interrupted (--console, --ssh or -d do more)"}`,
  );
  return console ? "console" : "nothing";
}

/** Says once which machine the guest runs on, where it is not the fast one. */
async function sayAccelerator(): Promise<void> {
  const { state, because } = await probeKvm({ build: true });
  if (state !== "works") say(`its processor is emulated, which is slow: ${because}`);
}

/** Boots a target as wished and stays with it. @returns the exit code of the command that ran in it, or 0. */
export async function boot(
  target: Target,
  disk: DiskOptions,
  wish: MachineWish,
  told: (booted: Booted) => void,
): Promise<number> {
  const name = wish.name ?? target.flavor.name;
  await needFreeName(name);
  const show = await view(wish);
  // bootc's boot loader takes no arguments from outside; to the others they are given at the start, and the disk stays the same
  const kargs = target.flavor.bootc ? [] : disk.kargs;
  const options = {
    ...disk,
    kargs: target.flavor.bootc ? disk.kargs : [],
    boot: wish.secureBoot ? ("signed-uki" as const) : disk.boot,
  };
  const made = await done({
    id: `disk-${name}`,
    title: `disk of ${target.reference}`,
    after: [],
    run: async (progress) => {
      const base = await diskOf(target, options, progress);
      const keys = wish.secureBoot ? await secureBootKeys(progress) : undefined;
      return { base, keys, path: wish.ephemeral ? base.path : await ownDisk(name, base, progress) };
    },
  });
  const { base } = made;
  for (const lack of base.lacks) say(`the image has no ${lack}: ${lacking[lack] ?? "it may not come up"}`);
  if (wish.show === "ssh" && base.lacks.includes("sshd"))
    throw new Failure(exit.failed, `${target.reference} has no sshd that is enabled`, {
      next: "look at its --console",
    });
  await sayAccelerator();
  const direct = wish.ephemeral && !wish.secureBoot ? directKernel(base) : {};
  const guest = await startGuest({
    ...{ name, disk: made.path, snapshot: wish.ephemeral, image: target.reference, ...direct },
    ...{ memory: wish.memory, cpus: wish.cpus, ports: wish.ports, credentials: wish.credentials, kargs },
    ...(wish.share === undefined ? {} : { share: wish.share }),
    ...(made.keys ? { secureBoot: made.keys } : {}),
    ...{ tpm: wish.tpm, window: show === "window", detached: wish.detached },
    phase: (phase, at) => (show === "console" ? undefined : say(`  ${phase.padEnd(9)} ${seconds(at).padStart(6)}`)),
  });
  say(`${name} runs: ${wish.memory} MiB, ${wish.cpus} processors, ssh on port ${guest.sshPort}`);
  const facts = () => ({
    ...{ name, reference: target.reference, disk: made.path, ssh: guest.sshPort },
    ...{ phases: Object.fromEntries(guest.reached), peakMemory: guest.peakMemory() },
  });
  try {
    const code = await stay(guest, base, wish, show, () => told(facts()));
    if (guest.running && !wish.detached) await (wish.ephemeral ? guest.kill() : end(guest));
    return code;
  } catch (error) {
    // what did not come up does not shut down in order either
    await guest.kill();
    throw error;
  }
}

const lacking: { [lack: string]: string | undefined } = {
  sshd: "ssh will not answer",
  network: "ssh and ports lead nowhere unless it brings up its network by itself",
};

function directKernel({ kernel, initrd, cmdline }: Disk) {
  return kernel && initrd ? { kernel: { kernel, initrd, cmdline } } : {};
}

/** An orderly end, so that the disk is whole; an interruption cuts its power. */
async function end(guest: Guest): Promise<void> {
  say(`${guest.name}: shutting down`);
  await guest.powerOff();
}

async function stay(
  guest: Guest,
  disk: Disk,
  wish: MachineWish,
  show: MachineWish["show"],
  told: () => void,
): Promise<number> {
  const until = disk.lacks.includes("sshd") || disk.lacks.includes("network") ? "target" : "ssh";
  if (show === "console" || show === "window")
    say(`nobody has a password in it: a root shell is at bun run vm ssh ${guest.name}, from another terminal`);
  if (show === "console") {
    if (await attachConsole(guest.folder)) say("\nleft the console");
    else await ended(guest);
    return exit.done;
  }
  if (show === "window") return besideWindow(guest, until, wish, told);
  await guest.ready(until, wish.patience * 1000);
  if (wish.screenshot !== undefined) {
    await guest.ready("target", wish.patience * 1000);
    await Bun.sleep(500); // the prompt comes with the target, not before it
    await guest.screenshot(wish.screenshot);
    say(`its screen: ${wish.screenshot}`);
  }
  if (show === "ssh") return shell(guest, wish.command);
  told();
  if (wish.detached) {
    say(`next: bun run vm ssh ${guest.name}   bun run vm log ${guest.name}   bun run vm stop ${guest.name}`);
    return exit.done;
  }
  if (wish.screenshot !== undefined) return exit.done;
  say(`it is up and runs on; from elsewhere: bun run vm ssh ${guest.name}`);
  await ended(guest);
  say(`${guest.name} ended; it had ${bytes(guest.peakMemory())} of memory at most`);
  return exit.done;
}

/** Waits until the machine turns itself off or its window is closed. @throws Failure where QEMU could not go on */
async function ended(guest: Guest): Promise<void> {
  if ((await guest.exited) !== 0) guest.needRunning();
}

/** Tells the phases while somebody looks at the window. A boot that fails stays to be looked at until it is closed. */
async function besideWindow(
  guest: Guest,
  until: "ssh" | "target",
  wish: MachineWish,
  told: () => void,
): Promise<number> {
  let code: number = exit.done;
  try {
    await guest.ready(until, wish.patience * 1000);
    told();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (guest.running) {
      for (const line of error.lines()) warn(line);
      code = error.code;
    }
  }
  await ended(guest);
  return code;
}

/** A shell in the machine, or a command, on this terminal or in the middle of a pipe. */
export async function shell(
  { folder, sshPort }: Pick<Guest, "folder" | "sshPort">,
  command: string[],
): Promise<number> {
  const terminal = command.length === 0 && !!process.stdin.isTTY;
  const argv = [...(await sshWords(folder, sshPort, terminal)), ...remoteLine(command)];
  // Not by zx: the terminal is the program's own.
  const child = Bun.spawn(argv, { cwd: folder, stdio: ["inherit", "inherit", "inherit"], env: process.env });
  const forget = onInterrupt(() => child.kill());
  const code = await child.exited;
  forget();
  return code;
}
