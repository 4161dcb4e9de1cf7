import { join } from "node:path";
import type { Target } from "../../family/family.ts";
import { kargsOfImage } from "../../oci/kargs-folder.ts";
import { localImages } from "../../oci/storage.ts";
import { print } from "../../system/output.ts";
import { statePath } from "../../system/project.ts";
import { commandLine } from "../../system/shell.ts";
import { podman } from "../../tools/podman.ts";
import { toolboxReference } from "../../tools/toolbox.ts";
import { earlyFile, installWords, placeConsoles } from "./bootc.ts";
import { type DiskOptions, usualSize } from "./kept.ts";
import { layout, partitionScript } from "./partitions.ts";

/** What would be run for a disk, as a person would type it. */
export async function showDiskPlan(target: Target, options: DiskOptions): Promise<void> {
  const { reference, flavor } = target;
  const folder = statePath("disks", "…");
  const disk = join(folder, "disk.raw");
  if (flavor.bootc) {
    const graph = (await podman(["info", "--format", "{{.Store.GraphRoot}}"])).stdout.trim();
    const isBuilt = (await localImages()).has(reference);
    const asked = placeConsoles(target, options, isBuilt ? await kargsOfImage(reference, "x86_64") : []);
    const early = asked.early?.trim().split("\n").join("\\n");
    return print(
      [
        `truncate -s ${options.size ?? 20e9} ${disk}`,
        ...(early === undefined ? [] : [`printf '${early}\\n' > ${join(folder, earlyFile)}`]),
        commandLine(["podman", ...installWords(target, options, folder, graph, asked)]),
      ].join("\n"),
    );
  }
  const image = (await localImages()).get(reference);
  const plan = layout(options.size ?? (image ? usualSize(image) : 8 * 2 ** 30));
  const script = partitionScript(plan).trim().split("\n").join("\\n");
  const root =
    options.filesystem === "ext4"
      ? `mkfs.ext4 -E offset=${plan.root.at} -d . ${disk} ${plan.root.size / 1024}k`
      : `mkfs.btrfs --rootdir . --subvol rw:var --subvol rw:var/home -b ${plan.root.size} root.img`;
  const esp = `${disk}@@${plan.esp.at}`;
  print(
    [
      `truncate -s ${plan.size} ${disk}`,
      `printf '${script}\\n' | sfdisk ${disk}`,
      `podman run --rm --mount type=image,source=${reference},destination=/image,rw=true --workdir /image ${toolboxReference()} ${root}`,
      "# the boot partition: " +
        (options.boot === "systemd-boot" ? "systemd-boot with one entry" : "one EFI program, by ukify"),
      `mformat -i ${esp} -T ${plan.esp.size / 512} -F :: && mcopy -s -i ${esp} EFI loader slipway ::`,
      ...(options.format === "qcow2" ? [`qemu-img convert -O qcow2 ${disk} ${disk.replace("raw", "qcow2")}`] : []),
    ].join("\n"),
  );
}
