/** What `bun run vm` can do with machines that run. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Arguments } from "../cli/args.ts";
import { exit, Failure } from "../system/errors.ts";
import { bytes, paintOut, print, printJson, say, table } from "../system/output.ts";
import { statePath } from "../system/project.ts";
import { runStep } from "../system/steps.ts";
import { shell } from "./boot.ts";
import {
  findMachine,
  killMachine,
  machineFolder,
  machines,
  noteStopped,
  qemuOf,
  type Running,
  runFolder,
  shutDown,
} from "./machines.ts";
import { plain } from "./phases.ts";
import { inFolder } from "./qemu.ts";
import { ask } from "./qmp.ts";
import { shutdownStep } from "./shutdown.ts";

export type Verb = (name: string | undefined, args: Arguments) => Promise<number>;

async function list(_: string | undefined, args: Arguments): Promise<number> {
  const all = await machines();
  if (args.has("json"))
    printJson(
      all.map(({ name, image, disk, snapshot, memory, cpus, ports, ssh, since }) => ({
        name,
        image,
        disk,
        ephemeral: snapshot,
        memory,
        cpus,
        ports,
        ssh,
        since,
      })),
    );
  else if (all.length === 0) say("no virtual machine runs");
  else {
    const head = ["name", "image", "memory", "ssh", "ports", "since"];
    const ports = (m: Running) => m.ports.map((p) => `${p.host}:${p.guest}`).join(" ") || "–";
    const rows = all.map((m) => [m.name, m.image ?? "–", bytes(m.memory * 2 ** 20), String(m.ssh), ports(m), m.since]);
    print(
      table(
        [head, ...rows],
        (cell, column, row) => (row === 0 ? paintOut.dim(cell) : column === 0 ? paintOut.bold(cell) : cell),
        { spare: [5, 2, 4], head: true },
      ),
    );
  }
  return exit.done;
}

async function ssh(name: string | undefined, args: Arguments): Promise<number> {
  const machine = await findMachine(name);
  return shell({ folder: runFolder(machine.name), sshPort: machine.ssh }, args.rest);
}

/** Asks for a shutdown as the power button does, and cuts the power where that does not help. */
async function stop(name: string | undefined, args: Arguments): Promise<number> {
  const machine = await findMachine(name);
  if (machine.owner) noteStopped(machine.name);
  if (qemuOf(machine.name) && !args.has("force") && !machine.snapshot) {
    const press = () => ask(inFolder(runFolder(machine.name), "control"), "system_powerdown").catch(() => undefined);
    const went = await runStep(shutdownStep(machine.name, () => press().then(() => shutDown(machine.name))));
    if (!went) say(`${machine.name} did not shut down: its power was cut`);
  } else await killMachine(machine.name);
  if (args.has("json")) printJson({ name: machine.name, stopped: true });
  else print(`${machine.name} stopped`);
  return exit.done;
}

/** The console, also of a machine that is gone. */
async function log(name: string | undefined): Promise<number> {
  const known = name ?? (await findMachine(undefined)).name;
  const file = join(machineFolder(known), "console.log");
  if (!existsSync(file))
    throw new Failure(exit.failed, `no virtual machine ${known} was ever started here`, {
      tried: [file],
      next: `ls ${statePath("vm")}`,
    });
  print(plain(readFileSync(file, "utf8")));
  return exit.done;
}

export const verbs: { [word: string]: Verb | undefined } = { list, ssh, stop, log };
