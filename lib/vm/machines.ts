/**
 * The virtual machines of this checkout, by name: `.slipway/vm/NAME/`. What a running one needs is in `run/` there: sockets, key,
 * what it was started with. That folder appears whole and goes with the machine; the console's log and a kept disk stay.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { didYouMean } from "../system/nearest.ts";
import { isZombie, signal, startOf } from "../system/process.ts";
import { statePath } from "../system/project.ts";
import { textOf } from "../system/state-file.ts";
import { endBeside } from "./sidecars.ts";

/** A process for good: its number, and when it began. */
export interface Owner {
  pid: number;
  began: string | undefined;
}

/** What is written of a machine when it is started. */
export interface Running {
  name: string;
  image: string | undefined;
  disk: string;
  /** Nothing that it writes is kept. */
  snapshot: boolean;
  memory: number;
  cpus: number;
  ports: { host: number; guest: number }[];
  /** The port of this machine that leads to its sshd. */
  ssh: number;
  /** When it was started, ISO 8601. */
  since: string;
  /** The command that started it; undefined for one that runs on by itself. */
  owner: Owner | undefined;
}

const nameForm = /^[a-z0-9][a-z0-9._-]{0,63}$/i;

/** The folder of the machine of that name. @throws Failure (usage) for what is no name. */
export function machineFolder(name: string): string {
  if (!nameForm.test(name))
    throw new Failure(exit.usage, `\`${name}\` is no name for a virtual machine`, {
      tried: ["letters, digits and . _ -, at most 64"],
    });
  return statePath("vm", name);
}

export function runFolder(name: string): string {
  return join(machineFolder(name), "run");
}

function thisProcess(): Owner {
  return { pid: process.pid, began: startOf(process.pid) };
}

export function isAlive({ pid, began }: Owner): boolean {
  const now = startOf(pid);
  return now !== undefined && now === began;
}

/** The process of a machine's QEMU, which writes its number itself. */
export function qemuOf(name: string): Owner | undefined {
  const folder = runFolder(name);
  try {
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    const began = startOf(pid);
    // A number that was given to another process since is not QEMU's.
    const isQemu = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`\0${name}\0`);
    return pid > 1 && began !== undefined && isQemu ? { pid, began } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a machine's folder is in use: its QEMU runs, or the command that is about to start it. */
function inUse(name: string): boolean {
  const owner = readRunning(name)?.starter;
  return (
    qemuOf(name) !== undefined || (owner !== undefined && isAlive(owner) && !existsSync(join(runFolder(name), "pid")))
  );
}

function readRunning(name: string): (Running & { starter: Owner }) | undefined {
  try {
    return JSON.parse(readFileSync(join(runFolder(name), "vm.json"), "utf8")) as Running & { starter: Owner };
  } catch {
    return undefined;
  }
}

/**
 * Takes a name for a machine that is about to be started.
 * @returns its run folder.
 * @throws Failure where one of that name runs
 */
export function claim(machine: Omit<Running, "owner" | "since">, detached: boolean): string {
  const { name } = machine;
  const folder = machineFolder(name);
  if (inUse(name)) throw taken(name);
  endBeside(runFolder(name));
  rmSync(runFolder(name), { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  rmSync(stoppedMark(name), { force: true });
  const made = `${runFolder(name)}.${process.pid}`;
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made, { mode: 0o700 });
  const owner = detached ? undefined : thisProcess();
  const running = { ...machine, since: new Date().toISOString(), owner, starter: thisProcess() };
  writeFileSync(join(made, "vm.json"), `${JSON.stringify(running, null, 2)}\n`);
  try {
    renameSync(made, runFolder(name));
  } catch {
    rmSync(made, { recursive: true, force: true });
    throw taken(name);
  }
  return runFolder(name);
}

/** @throws Failure where a machine of that name runs, or it is no name */
export async function needFreeName(name: string): Promise<void> {
  machineFolder(name);
  if ((await machines()).some((m) => m.name === name)) throw taken(name);
}

function taken(name: string): Failure {
  return new Failure(exit.failed, `a virtual machine called ${name} runs already`, {
    next: `bun run vm ssh ${name}  or  bun run vm stop ${name}; another one at the same time: --name NAME`,
  });
}

/** Gives the name back: sockets, key and all go. */
export function release(name: string): void {
  endBeside(runFolder(name));
  rmSync(runFolder(name), { recursive: true, force: true });
}

const stoppedMark = (name: string) => join(machineFolder(name), "stopped");

/** Notes that somebody wants a machine to end, so that the command which started it reports no failure. */
export function noteStopped(name: string): void {
  writeFileSync(stoppedMark(name), "");
}

/** Whether somebody ended the machine since its start. */
export function wasStopped(name: string): boolean {
  return existsSync(stoppedMark(name));
}

/** Notes the process that was started, which is QEMU or the container around it. */
export function noteChild(name: string, pid: number): void {
  writeFileSync(join(runFolder(name), "child.json"), JSON.stringify({ pid, began: startOf(pid) }));
}

function childOf(name: string): Owner | undefined {
  const text = textOf(join(runFolder(name), "child.json"), "latin1");
  return text ? (JSON.parse(text) as Owner) : undefined;
}

const isOver = (process: Owner) => !isAlive(process) || isZombie(process.pid);

/** A container that takes longer to go than this is left to podman. */
const goneAfter = 30_000;

/** Ends a machine at once, as a power cut would, and what it left. */
export async function killMachine(name: string): Promise<void> {
  const [qemu, child] = [qemuOf(name), childOf(name)];
  if (qemu) {
    signal(qemu.pid, "SIGKILL");
    while (!isOver(qemu)) await Bun.sleep(20);
  }
  const deadline = performance.now() + goneAfter;
  while (child && !isOver(child) && performance.now() < deadline) await Bun.sleep(50);
  release(name);
}

/** How long a guest may take to shut down before its power is cut. */
const orderly = 90_000;

/** Waits for a machine that was asked to shut down, and ends what is left of it. @returns whether it went by itself */
export async function shutDown(name: string): Promise<boolean> {
  const qemu = qemuOf(name);
  const deadline = performance.now() + orderly;
  while (qemu && !isOver(qemu) && performance.now() < deadline) await Bun.sleep(100);
  const went = !qemu || isOver(qemu);
  await killMachine(name);
  return went;
}

/** The machine of that name, or the only one. @throws Failure */
export async function findMachine(name: string | undefined): Promise<Running> {
  const all = await machines();
  const [only, ...more] = name === undefined ? all : all.filter((m) => m.name === name);
  if (only && more.length === 0) return only;
  const names = all.map((m) => m.name);
  if (name === undefined && names.length > 1)
    throw new Failure(exit.usage, "which virtual machine?", { choices: [`running: ${names.join(" ")}`] });
  const near = name === undefined ? "" : didYouMean(name, names);
  throw new Failure(
    exit.failed,
    name === undefined ? "no virtual machine runs" : `no virtual machine ${name} runs${near}`,
    {
      choices: [`running: ${names.join(" ") || "none"}`],
      next: "bun run boot-vm -d",
    },
  );
}

/** The machines that run, after ending those whose command was killed, and clearing up after those that died. */
export async function machines(): Promise<Running[]> {
  const parent = dirname(statePath("vm", "x"));
  const found: Running[] = [];
  for (const name of readdirSync(parent).sort()) {
    if (!existsSync(runFolder(name))) continue;
    const running = readRunning(name);
    const orphan = running?.owner !== undefined && !isAlive(running.owner);
    if (!running || orphan || !inUse(name)) await killMachine(name);
    else found.push(running);
  }
  return found;
}
