import { diskFailure, runInImage } from "./image-files.ts";
import { type Layout, partitionScript } from "./partitions.ts";

export const filesystems = ["ext4", "btrfs"] as const;
export type Filesystem = (typeof filesystems)[number];

/** What of a btrfs root is a subvolume of its own: what a snapshot of the system must not take along. */
const subvolumes = ["var", "var/home"];

/** The table comes first, while there is nothing yet that sfdisk could find there. */
const table = `table=$1 disk=$2 uuid=$3 offset=$4 size=$5
shift 5
printf '%s' "$table" | sfdisk --quiet --no-reread --no-tell-kernel "$disk"
`;

const ext4 = `exec mkfs.ext4 -q -F -U "$uuid" -L root -E "offset=$offset,lazy_itable_init=1,lazy_journal_init=1,nodiscard" -d . "$disk" "$size"
`;

/** mkfs.btrfs knows no offset: it makes a file of its own, which qemu-img puts into the disk, leaving holes out. A comma in a path is doubled there. */
const btrfs = `made=$1
shift
subvolumes=()
for path; do
    mkdir -p "$path"
    subvolumes+=(--subvol "rw:$path")
done
truncate -s "$size" "$made"
mkfs.btrfs -q -U "$uuid" -L root --rootdir . "\${subvolumes[@]}" "$made"
exec qemu-img convert -n --target-is-zero -f raw --target-image-opts "$made" \\
    "driver=raw,offset=$offset,size=$size,file.driver=file,file.filename=\${disk//,/,,}"
`;

/**
 * Partitions the disk, and makes the root file system of an image's files.
 * @param image its id. @param disk a file with its full size; @param spare a path for a file that is made on the way.
 * @param signal gives up.
 * @throws Failure with what the tool said
 */
export async function partitionAndFill(
  filesystem: Filesystem,
  image: string,
  disk: string,
  plan: Layout,
  uuid: string,
  spare: string,
  options: { log: string; signal: AbortSignal },
): Promise<void> {
  const { at, size } = plan.root;
  const common = [partitionScript(plan), disk, uuid, String(at)];
  const { code, said } =
    filesystem === "ext4"
      ? await runInImage(image, table + ext4, [...common, `${size / 1024}k`], options)
      : await runInImage(image, table + btrfs, [...common, String(size), spare, ...subvolumes], options);
  if (code !== 0)
    throw diskFailure(`the ${filesystem} file system was not made`, `sfdisk, mkfs.${filesystem}`, said, options.log);
}
