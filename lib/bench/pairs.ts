/** Real images to measure updates on, made from Debian's packages. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exit, Failure } from "../cli/errors.ts";
import { say } from "../cli/output.ts";
import { statePath } from "../cli/project.ts";
import { run } from "../cli/shell.ts";
import { LayerPool } from "../image/layer-pool.ts";
import { finishLayout, startLayout } from "../image/layout.ts";
import { readTree } from "../image/read-tree.ts";
import { openImage } from "../image/source.ts";

/** Folders with the images, made once by `makePairs`; they are big. */
export const home = () => process.env.SLIPWAY_BENCH_PAIRS ?? statePath("cache", "bench-pairs", "x").slice(0, -2);
export const steps = 5;

/** Software whose packages a stable distribution replaces again and again. */
const lively = "^(firefox-esr|chromium|thunderbird|linux|linux-signed-amd64)$";

const packages = [
  ..."ca-certificates systemd-sysv linux-image-amd64 initramfs-tools gnome-core libreoffice-writer libreoffice-calc".split(
    " ",
  ),
  ..."firefox-esr thunderbird chromium gimp vlc openjdk-17-jre podman openssh-server git vim imagemagick inkscape".split(
    " ",
  ),
  ..."cups samba-common-bin network-manager flatpak fonts-noto-core postgresql php-cli wireshark ffmpeg".split(" "),
];

/** Run by mmdebstrap in the finished root: packs it, then updates it step by step and packs each. */
const hook = `set -eu
root=$1 out=$2
pack() {
    rm -f "$root"/var/cache/apt/archives/*.deb
    tar -C "$root" --one-file-system --xattrs --xattrs-include='*' --numeric-owner --exclude='./proc/*' --exclude='./sys/*' \\
        --exclude='./dev/*' --exclude='./run/*' --exclude='./var/lib/apt/lists/*' --exclude=./etc/resolv.conf -cf "$out/$1.tar" .
}
pack 0
# the mirror that the root was made from, with its two neighbours
mirror=$(sed -n 's#^deb \\(\\[[^]]*] \\)*\\([^ ]*\\) .*#\\2#p' "$root/etc/apt/sources.list" | head -n 1)
printf 'deb %s-security bookworm-security main\\ndeb %s bookworm-updates main\\n' "$mirror" "$mirror" >"$root/etc/apt/sources.list.d/updates.list"
chroot "$root" apt-get -q update
chroot "$root" apt list --upgradable 2>/dev/null | sed -n 's#^\\([^/]*\\)/[^ ]* \\([^ ]*\\) .*upgradable from: \\(.*\\)]#\\1 \\2 \\3#p' >"$out/upgradable"
while read -r name new old; do
    echo "$(chroot "$root" dpkg-query -W -f '\${source:Package}' "$name") $name $new $old"
done <"$out/upgradable" >"$out/sources"
for step in ${Array.from({ length: steps }, (_, i) => i + 1).join(" ")}; do
    set --
    while read -r source name new old; do
        if echo "$source" | grep -qE '${lively}'; then
            if [ $((step % 2)) = 1 ]; then set -- "$@" "$name=$new"; else set -- "$@" "$name=$old"; fi
        elif [ $(($(printf %s "$source" | cksum | cut -d' ' -f1) % ${steps} + 1)) = "$step" ]; then set -- "$@" "$name=$new"; fi
    done <"$out/sources"
    DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -q -y --allow-downgrades --no-install-recommends \\
        -o Dpkg::Options::=--force-confnew -o Dpkg::Options::=--force-unsafe-io install "$@"
    pack "$step"
done
`;

/** A tar as an image of one layer: what a `podman import` of it would be. */
async function imageOf(tar: string, folder: string, day: number): Promise<void> {
  startLayout(folder);
  const hash = new Bun.CryptoHasher("sha256");
  for await (const piece of Bun.file(tar).stream()) hash.update(piece);
  const digest = `sha256:${hash.digest("hex")}`;
  const size = statSync(tar).size;
  renameSync(tar, join(folder, "blobs", digest.replace(":", "/")));
  const config = {
    created: `2026-01-0${day + 1}T00:00:00Z`,
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers" as const, diff_ids: [digest] },
  };
  finishLayout(folder, config, {
    schemaVersion: 2,
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size }],
  });
}

/** Makes the pairs where they are not there yet: some ten minutes, and 20 GB of disk on the way. */
export async function makePairs(): Promise<void> {
  const folder = home();
  if (existsSync(join(folder, `o${steps}`, "index.json"))) return;
  mkdirSync(folder, { recursive: true });
  const script = join(folder, "hook");
  writeFileSync(script, hook, { mode: 0o755 });
  say("making Debian 12 with a desktop's packages, and its updates");
  const words = [
    "mmdebstrap",
    "--variant=minbase",
    "--format=null",
    '--aptopt=APT::Install-Recommends "false"',
    "--dpkgopt=force-unsafe-io",
  ];
  const argv = [
    ...words,
    `--include=${packages.join(",")}`,
    `--customize-hook=sh ${script} "$1" ${folder}`,
    "bookworm",
    "/dev/null",
  ];
  const mirror = process.env.SLIPWAY_DEBIAN_MIRROR;
  const made = await run([...argv, ...(mirror ? [mirror] : [])], {
    env: { TMPDIR: folder, SOURCE_DATE_EPOCH: "1735689600" },
    log: join(folder, "log"),
  });
  if (made.code !== 0)
    throw new Failure(exit.failed, "the images to measure could not be made", {
      tried: made.said.trim().split("\n").slice(-4),
      log: join(folder, "log"),
    });
  for (let step = 0; step <= steps; step++) await imageOf(join(folder, `${step}.tar`), join(folder, `o${step}`), step);
}

/** Kernels stay installed side by side; an image has one: here the newest in odd steps, the oldest in even ones. */
export function otherKernels(step: number, names: string[]): string[] {
  const sorted = [...names].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const keep = step % 2 ? sorted.at(-1) : sorted[0];
  return sorted.filter((name) => name !== keep).map((name) => `/usr/lib/modules/${name}`);
}

/** All kernels that any of the images has. */
export async function kernelsOf(folder: string): Promise<string[]> {
  const known = join(home(), "kernels.json");
  if (existsSync(known)) return JSON.parse(readFileSync(known, "utf8")) as string[];
  const work = mkdtempSync(join(folder, "work-"));
  const pool = new LayerPool();
  try {
    const { tree } = await readTree(await openImage(`oci:${join(home(), `o${steps}`)}`, { work }), pool, work);
    const names = [...(tree.find("usr/lib/modules")?.children?.keys() ?? [])];
    writeFileSync(known, JSON.stringify(names));
    return names;
  } finally {
    pool.close();
    rmSync(work, { recursive: true, force: true });
  }
}
