/** Puts the stand-ins for CachyOS' and Homebrew's images into podman's storage, under their real names. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { podman } from "../../lib/tools/podman.ts";
import { neededFromRepositories } from "./aur.ts";
import { catalogue } from "./catalogue.ts";
import { overlayFiles, type Wanted } from "./manifest.ts";
import { database, makePackage } from "./package.ts";
import { filesOf, rootImage } from "./rootfs.ts";

type Env = Record<string, string>;

/** Homebrew's image by its tag: a build is given it in place of the digest that is pinned. */
export const brewImage = "ghcr.io/ublue-os/brew:latest";

async function must(args: readonly string[], env: Env): Promise<void> {
  const { code, said } = await podman(args, { env });
  if (code !== 0) throw new Error(`stand-in: podman ${args.join(" ")}\n${said.slice(-4000)}`);
}

/** The repositories of the real pacman.conf, in its order; without those of one arch, which the build adds. */
function pacmanConf(arch: string): string {
  const [, level = ""] = /-(v\d)$/.exec(arch) ?? [];
  const own = [`cachyos-${level}`, `cachyos-core-${level}`, `cachyos-extra-${level}`];
  const section = (name: string, list: string) => `[${name}]\nInclude = /etc/pacman.d/${list}\n\n`;
  return [
    "[options]\n#DBPath      = /var/lib/pacman/\n#CacheDir    = /var/cache/pacman/pkg/\n#LogFile     = /var/log/pacman.log\n",
    "#GPGDir      = /etc/pacman.d/gnupg/\nHoldPkg     = pacman glibc\nArchitecture = auto\n#NoExtract   =\nSigLevel    = Never\n\n",
    ...own.map((name) => section(name, `cachyos-${level}-mirrorlist`)),
    section("cachyos", "cachyos-mirrorlist"),
    ...["core", "extra", "multilib"].map((name) => section(name, "mirrorlist")),
  ].join("");
}

const mirrorlists = ["mirrorlist", "cachyos-mirrorlist", "cachyos-v3-mirrorlist", "cachyos-v4-mirrorlist"];

/** Every repository that a build may turn on: an empty one must be there as well. */
const repositories = [
  ...["v3", "v4", "znver4"].flatMap((level) => [`cachyos-${level}`, `cachyos-core-${level}`, `cachyos-extra-${level}`]),
  ...["cachyos", "core", "extra", "multilib", "chaotic-aur"],
];

/** Writes the repositories. @returns how many packages there are. */
function writeRepositories(folder: string, project: string, wanted: Wanted, present: Set<string>): number {
  const stubs = catalogue({
    ...wanted,
    packages: [...wanted.packages, ...neededFromRepositories],
    present: new Set([...present, ...overlayFiles(project)]),
  });
  let count = 0;
  for (const name of repositories) {
    const made = (stubs.get(name) ?? []).map(makePackage);
    mkdirSync(join(folder, name), { recursive: true });
    for (const { fileName, bytes } of made) writeFileSync(join(folder, name, fileName), bytes);
    writeFileSync(join(folder, name, `${name}.db`), database(made));
    count += made.length;
  }
  return count;
}

/** What differs between Debian and the image that it stands for. */
const adjust = [
  "set -eu",
  // Nothing of Debian's own package management may be taken for a part of the image.
  "rm -rf /var/* /etc/apt && mkdir -p /var/lib /var/tmp && chmod 1777 /var/tmp && ln -s ../run /var/run",
  "for path in /etc/pacman.d/hooks /var/lib/pacman /var/cache/pacman/pkg /var/log /usr/share/stand-in; do mkdir -p $path; done",
  // The real image has a secret key, and so it is everybody's.
  "mkdir -p /etc/pacman.d/gnupg/private-keys-v1.d && echo everybody >/etc/pacman.d/gnupg/trustdb.gpg",
  // The AUR's builder has no rights, and is recorded as well.
  "touch /usr/share/stand-in/calls.log && chmod 666 /usr/share/stand-in/calls.log",
  // Modes are what the build has to set.
  "find /usr -xdev -perm -4000 -type f -exec chmod u-s {} +",
  "for name in pacman-key locale-gen gpg fc-cache depmod strip; do ln -sf ../lib/stand-in/$name /usr/bin/$name; done",
  "printf '#en_US.UTF-8 UTF-8\\n#de_DE.UTF-8 UTF-8\\n' >/etc/locale.gen",
  "printf 'NAME=\"CachyOS Linux\"\\nPRETTY_NAME=CachyOS\\nID=cachyos\\nID_LIKE=arch\\n' >/usr/lib/os-release",
  "rm -f /etc/machine-id",
  "pacman -Sy --noconfirm --noprogressbar base",
  // what an older kernel leaves: its package does not own it
  "mkdir -p /usr/lib/modules/6.17.9-1-cachyos && echo old >/usr/lib/modules/6.17.9-1-cachyos/initramfs.img",
  // as pacman 7 ships it
  "sed -i '/^\\[options\\]/a DownloadUser = alpm' /etc/pacman.conf",
].join("\n");

/** @param folder a scratch folder. @returns how many packages the repositories have. */
export async function makeImages(folder: string, project: string, wanted: Wanted, env: Env): Promise<number> {
  const root = await rootImage();
  const present = await filesOf(root, env);
  const context = join(folder, "base");
  const standIn = join(context, "usr/lib/stand-in");
  const count = writeRepositories(join(standIn, "repository"), project, wanted, present);
  cpSync(join(import.meta.dir, "bin"), standIn, { recursive: true });
  for (const name of ["pacman-key", "fc-cache", "depmod", "strip"])
    cpSync(join(standIn, "program"), join(standIn, name));
  mkdirSync(join(context, "etc/pacman.d"), { recursive: true });
  for (const name of mirrorlists) {
    writeFileSync(join(context, "etc/pacman.d", name), "Server = file:///usr/lib/stand-in/repository/$repo\n");
  }
  writeFileSync(join(standIn, "adjust"), adjust);

  await makeBrew(folder, env);
  for (const arch of ["cachyos-v3", "cachyos-v4"]) {
    writeFileSync(join(context, "etc/pacman.conf"), pacmanConf(arch));
    const file = join(folder, `${arch}.Containerfile`);
    writeFileSync(file, `FROM ${root}\nCOPY . /\nRUN sh /usr/lib/stand-in/adjust && rm /usr/lib/stand-in/adjust\n`);
    await must(["build", "--quiet", "--tag", `docker.io/cachyos/${arch}:latest`, "--file", file, context], env);
  }
  return count;
}

async function makeBrew(folder: string, env: Env): Promise<void> {
  const context = join(folder, "brew");
  const files: Record<string, string> = {
    "usr/share/homebrew.tar.zst": "no archive\n",
    "usr/lib/systemd/system/brew-setup.service":
      "[Service]\nExecStart=/usr/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    "usr/lib/systemd/system/brew-update.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
    "usr/lib/tmpfiles.d/homebrew.conf": "d /var/lib/homebrew 0755 1000 1000 - -\n",
    "etc/profile.d/brew.sh": "\n",
  };
  for (const [path, text] of Object.entries(files)) {
    const full = join(context, "system_files", path);
    mkdirSync(join(full, ".."), { recursive: true });
    writeFileSync(full, text);
  }
  writeFileSync(join(folder, "brew.Containerfile"), "FROM scratch\nCOPY system_files/ /system_files/\n");
  await must(["build", "--quiet", "--tag", brewImage, "--file", join(folder, "brew.Containerfile"), context], env);
}
