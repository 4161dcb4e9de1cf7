/** Real images to measure updates on, made from Debian's packages. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packingOf, readBlob } from "../layers/blob.ts";
import { LayerPool } from "../layers/layer-pool.ts";
import { readTree } from "../layers/read-tree.ts";
import { blobPath, finishLayout, startLayout } from "../oci/layout.ts";
import type { Descriptor } from "../oci/manifest.ts";
import { openImage } from "../oci/source.ts";
import { exit, Failure } from "../system/errors.ts";
import { say } from "../system/output.ts";
import { statePath } from "../system/project.ts";
import { run } from "../system/shell.ts";

/** Folders with the images, made once by `makePairs`; they are big. */
export const home = () => process.env.SLIPWAY_BENCH_PAIRS ?? statePath("cache", "bench-pairs", "x").slice(0, -2);
export const steps = 5;

/** Software whose packages a stable distribution replaces again and again. */
const lively = "^(firefox-esr|chromium|thunderbird|linux|linux-signed-amd64)$";

/** What the images hold: a desktop's packages, or in a minute some few, to see that all this works. */
const sets: Record<string, string> = {
  desktop: [
    "ca-certificates systemd-sysv linux-image-amd64 initramfs-tools gnome-core libreoffice-writer libreoffice-calc",
    "firefox-esr thunderbird chromium gimp vlc openjdk-17-jre podman openssh-server git vim imagemagick inkscape",
    "cups samba-common-bin network-manager flatpak fonts-noto-core postgresql php-cli wireshark ffmpeg",
  ].join(" "),
  small: "ca-certificates systemd-sysv openssh-server git vim curl imagemagick postgresql php-cli",
};

/** @throws Failure (usage) for a set that is none. */
function packages(): string[] {
  const name = process.env.SLIPWAY_BENCH_SET ?? "desktop";
  const set = sets[name];
  if (set !== undefined) return set.split(" ");
  throw new Failure(exit.usage, `SLIPWAY_BENCH_SET: no set is called \`${name}\``, { tried: Object.keys(sets) });
}

/** Built in groups an image has several layers; here they are parted by place. */
const parts: Record<string, string> = {
  rest: "--exclude=./usr/lib/* --exclude=./usr/share/* .",
  lib: "./usr/lib",
  share: "./usr/share",
};

/**
 * Run by mmdebstrap in the finished root: packs it, then updates it step by step and packs each. The first stays unpacked, as
 * podman's storage gives images; the others are compressed, or they would fill the disk.
 */
const hook = `set -eu
root=$1 out=$2
part() {
    step=$1 name=$2
    shift 2
    tar -C "$root" --one-file-system --xattrs --xattrs-include='*' --numeric-owner --exclude='./proc/*' --exclude='./sys/*' \\
        --exclude='./dev/*' --exclude='./run/*' --exclude='./var/lib/apt/lists/*' --exclude=./etc/resolv.conf -cf - "$@" |
        if [ "$step" = 0 ]; then cat; else chroot "$root" zstd -q -1; fi >"$out/$step-$name.tar"
}
pack() {
    rm -f "$root"/var/cache/apt/archives/*.deb
    set -f
${Object.entries(parts)
  .map(([name, what]) => `    part "$1" ${name} ${what}`)
  .join("\n")}
    set +f
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

/** Tars as the layers of an image. */
async function imageOf(tars: string[], folder: string, day: number): Promise<void> {
  startLayout(folder);
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const tar of tars) {
    const [raw, plain] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
    await readBlob(
      tar,
      (bytes) => raw.update(bytes),
      (bytes) => plain.update(bytes),
    );
    const digest = `sha256:${raw.digest("hex")}`;
    const packed = packingOf(tar) === "none" ? "" : "+zstd";
    layers.push({ mediaType: `application/vnd.oci.image.layer.v1.tar${packed}`, digest, size: statSync(tar).size });
    diffIds.push(`sha256:${plain.digest("hex")}`);
    renameSync(tar, blobPath(folder, digest));
  }
  const config = {
    created: `2026-01-0${day + 1}T00:00:00Z`,
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers" as const, diff_ids: diffIds },
  };
  finishLayout(folder, config, { schemaVersion: 2, layers });
}

/** Makes the pairs where they are not there yet: some twenty minutes, and 35 GB of disk on the way. */
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
    `--include=${["zstd", ...packages()].join(",")}`,
    // mmdebstrap asks the updates of a stable suite at once
    `--setup-hook=sed -i -e '/bookworm-/d' "$1/etc/apt/sources.list"`,
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
  for (let step = 0; step <= steps; step++) {
    const tars = Object.keys(parts).map((name) => join(folder, `${step}-${name}.tar`));
    await imageOf(tars, join(folder, `o${step}`), step);
  }
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
    const names = tree.children(tree.find("usr/lib/modules")).map((name) => tree.nameOf(name));
    writeFileSync(known, JSON.stringify(names));
    return names;
  } finally {
    pool.close();
    rmSync(work, { recursive: true, force: true });
  }
}
