/** `boot-vm` and `try`: a disk, a machine on it, and what the reader sees of it. */

import type { Target } from "../family/family.ts";
import { exit, Failure } from "../system/errors.ts";
import { onInterrupt } from "../system/interrupt.ts";
import { asTyped, bytes, say, seconds, warn } from "../system/output.ts";
import { runStep } from "../system/steps.ts";
import { findTool } from "../tools/tools.ts";
import { probeKvm } from "./accelerator.ts";
import { attachConsole } from "./console.ts";
import type { Disk, DiskOptions } from "./disk/disk.ts";
import { diskOf } from "./disk/of-target.ts";
import { type Guest, startGuest } from "./guest.ts";
import { consoleKargs, loggedIn } from "./login.ts";
import { needFreeName, wasStopped } from "./machines.ts";
import type { MachineWish } from "./options.ts";
import { ownDisk } from "./own-disk.ts";
import type { Phase } from "./phases.ts";
import { secureBootKeys } from "./secure-boot.ts";
import { shutdownStep } from "./shutdown.ts";
import { remoteLine, sshWords } from "./ssh.ts";
import { roomAbove } from "./status-line.ts";

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
  const room = show === "console" ? roomAbove(process.stdout) : undefined;
  // bootc's boot loader takes no arguments from outside; to the others they are given at the start, and the disk stays the same
  const kargs = target.flavor.bootc ? [] : [...disk.kargs, ...consoleKargs(room)];
  const options = {
    ...disk,
    kargs: target.flavor.bootc ? disk.kargs : [],
    boot: wish.secureBoot ? ("signed-uki" as const) : disk.boot,
  };
  const made = await runStep({
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
    ...{ memory: wish.memory, cpus: wish.cpus, ports: wish.ports, kargs },
    credentials: { ...(wish.autologin ? loggedIn : {}), ...wish.credentials },
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
    if (guest.running && !wish.detached) await (wish.ephemeral ? guest.kill() : end(guest, wish.autologin));
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

/**
 * An orderly end, so that the disk is whole; an interruption cuts its power.
 * @param quick it need not show how it shuts down.
 */
async function end(guest: Guest, quick: boolean): Promise<void> {
  if (quick && !guest.isUp) {
    say(`${guest.name} was not up yet: its power was cut`);
    return guest.kill();
  }
  await runStep(shutdownStep(guest.name, () => guest.powerOff(quick)));
}

async function stay(
  guest: Guest,
  disk: Disk,
  wish: MachineWish,
  show: MachineWish["show"],
  told: () => void,
): Promise<number> {
  const until = disk.lacks.includes("sshd") || disk.lacks.includes("network") ? "target" : "ssh";
  const another = `bun run vm ssh ${guest.name}`;
  if (show === "console" || show === "window")
    say(
      wish.autologin
        ? `root is logged in on its console; another shell, from another terminal: ${another}`
        : `no user has a password in it; a root shell, from another terminal: ${another}`,
    );
  if (show === "console") {
    const status = ["Ctrl-] leaves and turns it off", `another shell: ${asTyped(another)}`];
    if (await attachConsole(guest.folder, { status, hidden: guest.mark })) say("\nleft the console");
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
  const code = await guest.exited;
  if (wasStopped(guest.name)) say(`${guest.name} was stopped by another command`);
  else if (code !== 0) guest.needRunning();
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
