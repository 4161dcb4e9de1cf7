import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { exit, Failure } from "../system/errors.ts";
import { say } from "../system/output.ts";
import { run } from "../system/shell.ts";
import type { Progress } from "../system/steps.ts";
import type { Disk } from "./disk/disk.ts";
import { machineFolder } from "./machines.ts";

/**
 * A machine's own disk: a copy of the image's, made at its first start and kept, so that what was done in the machine is there
 * the next time. Another image or other options begin anew; the disk before that is kept beside, once.
 * @returns its path.
 */
export async function ownDisk(name: string, disk: Disk, progress: Progress): Promise<string> {
  const folder = machineFolder(name);
  const path = join(folder, `disk${extname(disk.path)}`);
  const from = join(folder, "disk-of");
  if (existsSync(path) && existsSync(from) && readFileSync(from, "utf8") === disk.path) return path;
  progress.now("copying the disk");
  mkdirSync(folder, { recursive: true });
  const partial = `${path}.partial`;
  const copied = await run(["cp", "--sparse=always", "--reflink=auto", disk.path, partial], { log: progress.log });
  if (copied.code !== 0) {
    rmSync(partial, { force: true });
    throw new Failure(exit.failed, `${name}: its disk could not be copied`, {
      tried: copied.said.trim().split("\n").slice(-2),
      next: /no space/i.test(copied.said)
        ? "free some space (bun run clean), or keep nothing: --ephemeral"
        : "read the log",
      log: progress.log,
    });
  }
  rmSync(from, { force: true });
  if (existsSync(path)) {
    const former = join(folder, `former${extname(path)}`);
    renameSync(path, former);
    say(`${name} begins anew: the image or its options changed. Its disk until now: ${former}`);
  }
  renameSync(partial, path);
  writeFileSync(from, disk.path);
  return path;
}
