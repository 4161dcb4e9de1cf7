import { existsSync, readdirSync, readFileSync } from "node:fs";
import { machineNames } from "../../names.ts";
import { onPath } from "../../root.ts";
import { overlays } from "../facts.ts";
import { at, type Machine } from "../machine.ts";
import { type Step, tool } from "./step.ts";

/** What the new system wants in order, and what no account depends on: a failure here is reported and does not stop the rest. */

function isMounted(machine: Machine, path: string): boolean {
  const mounts = machine.live ? at(machine, "/proc/self/mounts") : "/proc/self/mounts";
  if (!existsSync(mounts)) return false;
  return readFileSync(mounts, "latin1")
    .split("\n")
    .some((line) => line.split(" ")[1] === (machine.live ? path : at(machine, path)));
}

/**
 * The kernel's own notes in the work folder of an overlay belong to the lower folder that it was mounted on before; with another one
 * the mount fails with "Stale file handle". They are moved aside, and the kernel makes them anew. What was written is in `upper`: that
 * stays.
 */
export function staleOverlays(machine: Machine): string[] {
  return overlays
    .filter(({ mount }) => !isMounted(machine, mount))
    .map(({ state }) => `${state}/work`)
    .filter((work) => existsSync(at(machine, work)) && readdirSync(at(machine, work)).length > 0);
}

export const overlayState: Step = {
  id: "overlays",
  phase: "Overlay state",
  title: "stale state of overlays",
  async run({ machine, changes, plan }) {
    const stale = staleOverlays(machine);
    for (const work of stale) {
      const aside = `${work}.before-${machineNames.folder}-${plan.day}`;
      if (existsSync(at(machine, aside))) continue;
      changes.move(work, aside);
    }
    return stale.length ? `stale notes of the kernel were set aside: ${stale.join(" ")}` : undefined;
  },
};

/** What systemd-sysusers writes: the files, what they were before, and its lock. */
const sysusersFiles = [...["passwd", "shadow", "group", "gshadow"].flatMap((file) => [file, `${file}-`]), ".pwd.lock"];

export const sysusers: Step = {
  id: "sysusers",
  phase: "System",
  title: "system users and groups of the image",
  async run(job) {
    const { machine, changes } = job;
    for (const file of sysusersFiles) await changes.remember(`/etc/${file}`);
    const { code, said } = await tool(job, ["systemd-sysusers", ...(machine.root ? [`--root=${machine.root}`] : [])]);
    for (const file of sysusersFiles) changes.note(`/etc/${file}`);
    return code === 0 ? undefined : `systemd-sysusers failed: ${said.trim().split("\n").at(-1)}; run it again yourself`;
  },
};

export const flatpaks: Step = {
  id: "flatpaks",
  phase: "System",
  title: "repair of flatpaks",
  async run(job) {
    const { machine, plan } = job;
    if (!plan.flatpaks) return "flatpaks were not repaired, as you wished: sudo flatpak repair --system";
    if (!machine.live)
      return "flatpaks are not repaired on a system that sleeps: sudo flatpak repair --system, once it runs";
    if (!onPath("flatpak") || !existsSync(at(machine, "/var/lib/flatpak"))) return undefined;
    const { code, said } = await tool(job, ["flatpak", "repair", "--system"]);
    if (code === 0) return "flatpaks were looked through and repaired";
    return `the repair of flatpaks failed: ${said.trim().split("\n").at(-1)}; run it again yourself: sudo flatpak repair --system`;
  },
};

/** All steps after the account. */
export const afterwards: Step[] = [overlayState, sysusers, flatpaks];
