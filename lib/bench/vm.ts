import { rmSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { loadFamily } from "../family/manifest.ts";
import { reference } from "../family/target.ts";
import { bytes } from "../system/output.ts";
import { statePath } from "../system/project.ts";
import type { Progress } from "../system/steps.ts";
import { probeKvm } from "../vm/accelerator.ts";
import { type Disk, type DiskOptions, makeDisk, usualDisk } from "../vm/disk/disk.ts";
import { type Guest, startGuest } from "../vm/guest.ts";
import type { Figure } from "./build.ts";
import { median } from "./measure.ts";

const rounds = 3;
const seconds = (s: number) => `${s.toFixed(1)} s`;
const progress: Progress = { log: join(dirname(statePath("logs", "x")), "bench-vm.log"), now: () => undefined };

/** What a boot was like. */
interface Boot {
  phases: Map<string, number>;
  /** Bytes that QEMU had at most. */
  memory: number;
}

async function boot(disk: Disk, direct: boolean): Promise<Boot> {
  const { kernel, initrd, cmdline } = disk;
  const guest: Guest = await startGuest(
    {
      ...{ name: `bench-${process.pid}`, disk: disk.path, snapshot: true },
      ...(direct && kernel && initrd ? { kernel: { kernel, initrd, cmdline } } : {}),
    },
    progress,
  );
  try {
    await guest.ready("ssh", 900_000);
    return { phases: new Map(guest.reached), memory: guest.peakMemory() };
  } finally {
    await guest.kill();
  }
}

/** A disk that is surely not there yet: an argument makes it another. */
async function freshDisk(image: string, filesystem: DiskOptions["filesystem"]): Promise<number> {
  const began = performance.now();
  const { path } = await makeDisk(
    image,
    { ...usualDisk, filesystem, kargs: [`slipway.bench=${crypto.randomUUID()}`] },
    progress,
  );
  const took = (performance.now() - began) / 1000;
  rmSync(dirname(path), { recursive: true, force: true });
  return took;
}

/** From the default image to a guest that answers; the image is built already. */
export async function machines(): Promise<Figure[]> {
  const family = await loadFamily();
  const image = reference(family, family.default.flavor, family.default.arch);
  const { state } = await probeKvm({ build: true });
  const load = `load ${loadavg()[0]?.toFixed(1)} when it began`;
  const disk = await makeDisk(image, usualDisk, progress); // the tools are there after that
  const made = { ext4: [] as number[], btrfs: [] as number[] };
  for (let round = 0; round < rounds; round++)
    for (const filesystem of ["ext4", "btrfs"] as const) made[filesystem].push(await freshDisk(image, filesystem));
  const whole: Boot[] = [];
  const direct: Boot[] = [];
  for (let round = 0; round < rounds; round++) {
    whole.push(await boot(disk, false));
    direct.push(await boot(disk, true));
  }
  const at = (boots: Boot[], phase: string) => median(boots.map((b) => b.phases.get(phase) ?? Number.NaN));
  const phases = ["firmware", "kernel", "initrd", "system", "target"].map((p) => `${p} ${seconds(at(whole, p))}`);
  const works = state === "works";
  return [
    {
      what: "image to disk, ext4",
      figure: seconds(median(made.ext4)),
      goal: "5 s",
      beside: `btrfs: ${seconds(median(made.btrfs))}; ${load}`,
    },
    {
      what: `disk to ssh, firmware and boot loader included (${works ? "KVM" : "TCG"}, 2 processors)`,
      figure: seconds(at(whole, "ssh")),
      goal: works ? "6 s" : "25 s",
      beside: phases.join(", "),
    },
    {
      what: "ephemeral boot to ssh: the kernel without firmware",
      figure: seconds(at(direct, "ssh")),
      goal: "–",
      beside: `target ${seconds(at(direct, "target"))}`,
    },
    {
      what: "memory of QEMU at the peak, for a guest of 2 GiB",
      figure: bytes(Math.max(...whole.map((b) => b.memory))),
      goal: "–",
      beside: `ephemeral ${bytes(Math.max(...direct.map((b) => b.memory)))}`,
    },
  ];
}
