import type { Target } from "../../family/family.ts";
import type { Progress } from "../../system/steps.ts";
import { bootcDisk } from "./bootc.ts";
import { type Disk, type DiskOptions, makeDisk } from "./disk.ts";

/** The disk of a target: bootc installs the image itself where it can. @throws Failure */
export function diskOf(target: Target, options: DiskOptions, progress: Progress): Promise<Disk> {
  return target.flavor.bootc ? bootcDisk(target, options, progress) : makeDisk(target.reference, options, progress);
}
