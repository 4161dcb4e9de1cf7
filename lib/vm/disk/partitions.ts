import { run } from "../../cli/shell.ts";
import { tool } from "../../cli/tools.ts";
import { diskFailure } from "./image-files.ts";

export const MiB = 1 << 20;

/** Where the partitions of a disk begin and end, in bytes. The boot partition is first: what grows later is the root. */
export interface Layout {
  size: number;
  esp: { at: number; size: number };
  root: { at: number; size: number };
}

/** @param size of the whole disk in bytes, rounded down to MiB. */
export function layout(size: number): Layout {
  const whole = Math.floor(size / MiB) * MiB;
  const esp = { at: MiB, size: 512 * MiB };
  const at = esp.at + esp.size;
  // the last MiB holds the second copy of the table
  return { size: whole, esp, root: { at, size: whole - at - MiB } };
}

/** By these types systemd and firmware know them. Source: UAPI.2 Discoverable Partitions. */
const types = {
  esp: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
  root: "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
};

/** sfdisk's script for a GPT with both partitions. */
export function partitionScript({ esp, root }: Layout): string {
  const line = (name: "esp" | "root", { at, size }: { at: number; size: number }) =>
    `start=${at / MiB}MiB, size=${size / MiB}MiB, type=${types[name]}, name=${name}`;
  return ["label: gpt", line("esp", esp), line("root", root), ""].join("\n");
}

/** Writes the partition table into a file that has its size already. */
export async function partition(disk: string, plan: Layout, log: string): Promise<void> {
  const words = await tool("sfdisk", { stdin: true });
  const argv = [...words, "--quiet", "--no-reread", "--no-tell-kernel", disk];
  const { code, said } = await run(argv, { stdin: partitionScript(plan), log });
  if (code !== 0) throw diskFailure("the disk could not be partitioned", "sfdisk", said, log);
}
