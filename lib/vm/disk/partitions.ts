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
