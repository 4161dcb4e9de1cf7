import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onInterrupt } from "../system/interrupt.ts";
import { statePath } from "../system/project.ts";
import { together } from "../system/single-flight.ts";
import type { Progress } from "../system/steps.ts";
import { workFolder } from "../system/work-folder.ts";
import { findTool, tool } from "../tools/tools.ts";
import { exitCode, exitPort, probeGuest } from "./probe-guest.ts";
import { value } from "./qemu.ts";

/**
 * Whether KVM runs a guest. That /dev/kvm exists, opens and makes a virtual machine says little: nested in another
 * machine, it may still not run one. So a guest is run, once a boot of this machine.
 */
export interface Kvm {
  /** `absent`: no /dev/kvm. `unprobed`: no QEMU to try it with. */
  state: "works" | "broken" | "absent" | "unprobed";
  /** What was seen, as a clause. */
  because: string;
}

/** A guest that did not come through by now will not. Starting a container counts too. */
const patience = 15_000;

/** How QEMU speaks of a virtual CPU that cannot go on; it then waits for somebody to look at it. */
const stuck = /KVM internal error|failed to set MSR|KVM_RUN failed|failed to initialize kvm/i;

/** QEMU's words for the guest in `disk`. */
export function probeArguments(disk: string, accelerator: string, cpu: string): string[] {
  return [
    ...["-machine", "pc", "-accel", accelerator, "-cpu", cpu, "-m", "64"],
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-drive", `file=${value(disk)},format=raw,if=ide,snapshot=on`],
    ...["-device", `isa-debug-exit,iobase=${exitPort},iosize=1`],
  ];
}

/** Runs the guest; the answer is the reason why it did not come through, or undefined. */
export async function runProbe(qemu: string[], accelerator: string, cpu: string): Promise<string | undefined> {
  const work = workFolder();
  const disk = join(work.path, "guest.img");
  writeFileSync(disk, probeGuest());
  // Not by zx: a guest that hangs is ended at once, and its exit code is the answer.
  const child = Bun.spawn([...qemu, ...probeArguments(disk, accelerator, cpu)], {
    stdio: ["ignore", "ignore", "pipe"],
    env: process.env,
  });
  const stop = async () => {
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 3000);
    await child.exited;
    clearTimeout(hard);
  };
  const forget = onInterrupt(stop);
  const timer = setTimeout(() => void stop(), patience);
  let said = "";
  try {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      said += chunk;
      if (stuck.test(said)) break;
    }
    const failure = said.split("\n").find((line) => stuck.test(line));
    if (failure !== undefined) {
      await stop();
      return failure.trim();
    }
    const code = await child.exited;
    if (code === exitCode) return undefined;
    if (child.signalCode || code >= 128) return "a small guest was started and never came through";
    return said.trim().split("\n").at(-1) || `QEMU ended with ${code}`;
  } finally {
    clearTimeout(timer);
    forget();
    work.remove();
  }
}

const memoryFile = () => statePath("state", "kvm.json");

/** Changes with every boot, and with a /dev/kvm that came or went since. */
function boot(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function recall(): Kvm | undefined {
  try {
    const known = JSON.parse(readFileSync(memoryFile(), "utf8")) as { boot: string; kvm: Kvm };
    return known.boot === boot() ? known.kvm : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether KVM runs a guest here, tried once a boot.
 * @param options.build the toolbox may be built if QEMU is nowhere else; otherwise the answer is `unprobed` then.
 */
export async function probeKvm(options: { build: boolean; progress?: Progress }): Promise<Kvm> {
  if (!existsSync("/dev/kvm")) return { state: "absent", because: "there is no /dev/kvm" };
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return { state: "broken", because: "no right to open /dev/kvm; be a member of its group (kvm)" };
  }
  return recall() ?? together("probe of KVM", () => tryKvm(options));
}

async function tryKvm(options: { build: boolean; progress?: Progress }): Promise<Kvm> {
  const found = await findTool("qemu-system-x86_64");
  if (found.place === "missing" || (found.place === "toolbox" && !found.built && !options.build))
    return { state: "unprobed", because: "no QEMU on this machine to try it with, and the toolbox is not built yet" };
  const { progress } = options;
  const qemu = await tool("qemu-system-x86_64", { cwd: dirname(memoryFile()), ...(progress ? { progress } : {}) });
  const failure = await runProbe(qemu, "kvm", "host");
  const kvm: Kvm =
    failure === undefined
      ? { state: "works", because: "a small guest ran" }
      : { state: "broken", because: `/dev/kvm is there, but a small guest did not run: ${failure}` };
  writeFileSync(memoryFile(), `${JSON.stringify({ boot: boot(), kvm }, null, 2)}\n`);
  return kvm;
}

/**
 * QEMU's words for the fastest way to run a guest that works here. An emulated processor has no use for virtual machines of
 * its own (svm), and moves bytes slowest with the instruction that real ones do it fastest with (erms).
 */
export async function accelerator(progress?: Progress): Promise<string[]> {
  const { state } = await probeKvm({ build: true, ...(progress ? { progress } : {}) });
  return state === "works"
    ? ["-accel", "kvm", "-cpu", "host"]
    : ["-accel", "tcg,thread=multi", "-cpu", "max,svm=off,erms=off"];
}
