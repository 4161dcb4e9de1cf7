import { onInterrupt } from "../../cli/command.ts";
import { exit, Failure } from "../../cli/errors.ts";
import { run } from "../../cli/shell.ts";
import type { Progress } from "../../cli/steps.ts";
import { inToolbox } from "../../cli/toolbox.ts";
import { tool } from "../../cli/tools.ts";
import type { Layout } from "./partitions.ts";

export const filesystems = ["ext4", "btrfs"] as const;
export type Filesystem = (typeof filesystems)[number];

/** What of a btrfs root is a subvolume of its own: what a snapshot of the system must not take along. */
const subvolumes = ["var", "var/home"];

/** A file system that is filled by a tar written to it. */
export interface RootWriter {
  write(bytes: Uint8Array): Promise<void>;
  /** @throws Failure with what the tool said. */
  end(): Promise<void>;
  /** Gives up. */
  stop(): Promise<void>;
}

/** Words that read a tar on stdin and put it into the disk as an ext4 file system. */
async function ext4Words(disk: string, { root }: Layout, uuid: string, progress: Progress): Promise<string[]> {
  const words = await tool("mkfs.ext4", { stdin: true, env: ["LC_ALL"], progress });
  const extended = `offset=${root.at},lazy_itable_init=1,lazy_journal_init=1,nodiscard`;
  const flags = ["-q", "-F", "-U", uuid, "-L", "root", "-E", extended, "-d", "-"];
  return [...words, ...flags, disk, `${root.size / 1024}k`];
}

/** mkfs.btrfs takes a folder: made inside a container, where the owners of files may be anybody without being root outside. */
const btrfsScript = `set -eu
image=$1 size=$2 uuid=$3
shift 3
tree=$(mktemp -d /var/tmp/root.XXXXXX)
# the mode of / there, where the tar has no entry for it
chmod 0755 "$tree"
tar -x -p --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' --exclude='dev/*' -C "$tree"
for path; do mkdir -p "$tree/$path"; done
for path; do set -- "$@" --subvol "rw:$path"; shift; done
rm -f "$image"
truncate -s "$size" "$image"
mkfs.btrfs -q -U "$uuid" -L root --rootdir "$tree" "$@" "$image"
`;

async function btrfsWords(image: string, { root }: Layout, uuid: string, progress: Progress): Promise<string[]> {
  const words = await inToolbox([], { stdin: true, progress });
  return [...words, "sh", "-c", btrfsScript, "sh", image, String(root.size), uuid, ...subvolumes];
}

/** mkfs.btrfs knows no offset: its file is put into the disk by qemu-img, which leaves holes out. */
async function place(image: string, disk: string, { root }: Layout, progress: Progress): Promise<void> {
  const target = `driver=raw,offset=${root.at},size=${root.size},file.driver=file,file.filename=${disk}`;
  const words = await tool("qemu-img", { progress });
  const argv = [...words, "convert", "-n", "--target-is-zero", "-f", "raw", "--target-image-opts", image, target];
  const { code, said } = await run(argv, { log: progress.log });
  if (code !== 0) throw mkfsFailure("btrfs", said, progress.log);
}

function mkfsFailure(filesystem: Filesystem, said: string, log: string): Failure {
  const space = /no space left/i.test(said);
  return new Failure(exit.failed, space ? "no space left for the disk" : `the ${filesystem} file system was not made`, {
    tried: [`mkfs.${filesystem}`, ...said.trim().split("\n").slice(-3)],
    next: space ? "free space where .slipway/ lies (bun run clean), or for the guest: --size" : "read the log",
    log,
  });
}

/**
 * Starts the making of the root file system.
 * @param disk a file with its full size; @param spare a path for a file that is made on the way.
 */
export async function startRoot(
  filesystem: Filesystem,
  disk: string,
  plan: Layout,
  uuid: string,
  spare: string,
  progress: Progress,
): Promise<RootWriter> {
  const words =
    filesystem === "ext4" ? await ext4Words(disk, plan, uuid, progress) : await btrfsWords(spare, plan, uuid, progress);
  // names of files are read as the locale says
  const child = Bun.spawn(words, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C.UTF-8" } });
  const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const stop = async () => {
    child.kill();
    await child.exited;
  };
  const forget = onInterrupt(stop);
  const failure = async () => mkfsFailure(filesystem, (await said).join(""), progress.log);
  return {
    async write(bytes) {
      try {
        child.stdin.write(bytes);
        await child.stdin.flush();
      } catch {
        await child.exited;
        throw await failure();
      }
    },
    async end() {
      await child.stdin.end();
      const code = await child.exited;
      forget();
      if (code !== 0) throw await failure();
      if (filesystem === "btrfs") await place(spare, disk, plan, progress);
    },
    async stop() {
      forget();
      await stop();
    },
  };
}
